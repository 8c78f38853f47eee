// exit_status.o: gcc -O2
// Ends in the way and with the status that its arguments say.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void first(void) { puts("handler registered first"); }
static void second(void) { puts("handler registered second"); }

// Calls exit from `depth` frames below.
static __attribute__((noinline)) int descend(int depth, int status) {
  if (depth == 0) exit(status);
  return descend(depth - 1, status) + 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return 1;
  int status = atoi(argv[2]);
  atexit(first);
  atexit(second);
  puts(argv[1]);
  if (strcmp(argv[1], "return") == 0) return status;
  if (strcmp(argv[1], "exit") == 0) exit(status);
  if (strcmp(argv[1], "nested") == 0) return descend(10, status);
  // The handlers are not called.
  fflush(stdout);
  _exit(status);
}
