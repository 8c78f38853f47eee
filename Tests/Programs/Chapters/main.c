// Calls every chapter; two ends of the program are chapters of their own: what runs before main, and after it.

#include "chapters.h"

#include <stdlib.h>
#include <string.h>

static const char *order = "not called";

__attribute__((constructor(201))) static void early(void) { order = "early"; }
__attribute__((constructor(301))) static void late(void) { order = strcmp(order, "early") ? "wrong" : "early, late"; }
__attribute__((destructor)) static void destructor(void) { puts("destructor"); }
static void atExit(void) { puts("atexit"); }

int main(int argc, char **argv, char **environment) {
  printf("== main\nconstructors: %s\n", order);
  printf("arguments: %d, %s, %s\n", argc, argv[argc - 1], argv[argc] ? "not ended" : "ended");
  const char *value = getenv("WELD_TEST");
  int found = 0;
  for (char **entry = environment; value && *entry; entry++) found += *entry + strlen("WELD_TEST=") == value;
  printf("environment: %d, %s\n", found, value ? value : "missing");
  atexit(atExit);
  callbacks();
  control();
  data();
  frames();
  numbers();
  pointers();
  records();
  registers();
  variadic();
  vectors();
  exit(7);
}
