// entry.o: gcc -O2
// No main: entered at `begin` (--entry begin), which gets what main would get.

#include <stdio.h>

int begin(int argc, char **argv) {
  printf("begin with %d argument%s:", argc - 1, argc == 2 ? "" : "s");
  for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
  putchar('\n');
  return 4;
}
