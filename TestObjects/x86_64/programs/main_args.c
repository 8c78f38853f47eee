// main_args.o: gcc -O2
// What main and the constructors are given.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int argcOfConstructor;
static char **argvOfConstructor, **environmentOfConstructor;

__attribute__((constructor)) static void note(int argc, char **argv, char **environment) {
  argcOfConstructor = argc;
  argvOfConstructor = argv;
  environmentOfConstructor = environment;
}

int main(int argc, char **argv, char **environment) {
  printf("argc = %d\n", argc);
  for (int i = 0; i < argc; i++) printf("argv[%d] = %s\n", i, argv[i]);
  printf("argv[argc] is %s\n", argv[argc] ? "set" : "null");
  for (char **entry = environment; *entry; entry++)
    if (strncmp(*entry, "WELD_TEST=", 10) == 0) puts(*entry);
  printf("getenv: %s\n", getenv("WELD_TEST"));
  printf("the constructor was given %s\n",
         argcOfConstructor == argc && strcmp(argvOfConstructor[0], argv[0]) == 0
             && environmentOfConstructor == environment ? "the same" : "something else");
  return 0;
}
