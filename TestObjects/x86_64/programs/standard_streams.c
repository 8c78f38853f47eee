// standard_streams_pie.o: gcc -O2
// standard_streams_pic.o: gcc -O2 -fPIC
// standard_streams_nopic.o: gcc -O2 -fno-pic
// Reads variables of the C library: directly (R_X86_64_PC32) as position-independent executables do by
// Debian's default, through the GOT, and with absolute addresses for its own strings.

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(void) {
  char line[100];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    fprintf(stdout, "read: %s\n", line);
  }
  fprintf(stdout, "environ is %s\n", environ && *environ ? "set" : "empty");
  fflush(stdout);
  fprintf(stderr, "written to standard error\n");
  return 0;
}
