// signal.o: gcc -O2
// Dies of the signal whose number is the argument, or of a write to address 0.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  printf("dying of %s\n", argv[1]);
  fflush(stdout);
  if (strcmp(argv[1], "null") == 0) *(volatile int *)0 = 1;
  if (strcmp(argv[1], "abort") == 0) abort();
  raise(atoi(argv[1]));
  puts("still alive");
  return 0;
}
