// constructors.o: gcc -O2
// With old_style.s and objects.cpp: the order of everything that runs before and after main.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void say(const char *what);

// Writes without the C library's buffers: destructors may run after these are gone.
void say(const char *what) {
  static int number;
  char line[100];
  int length = snprintf(line, sizeof line, "%2d %s\n", ++number, what);
  if (write(1, line, length) != length) _exit(99);
}

static void preinit(void) { say(".preinit_array"); }
__attribute__((section(".preinit_array"), used)) static void (*preinitEntry)(void) = preinit;

__attribute__((constructor(101))) static void constructor101(void) { say("constructor, priority 101"); }
__attribute__((destructor(101))) static void destructor101(void) { say("destructor, priority 101"); }
__attribute__((constructor(1000))) static void constructor1000(void) { say("constructor, priority 1000"); }
__attribute__((destructor(1000))) static void destructor1000(void) { say("destructor, priority 1000"); }
__attribute__((constructor)) static void constructor1(void) { say("constructor, first in its file"); }
__attribute__((destructor)) static void destructor1(void) { say("destructor, first in its file"); }
__attribute__((constructor)) static void constructor2(void) { say("constructor, second in its file"); }
__attribute__((destructor)) static void destructor2(void) { say("destructor, second in its file"); }

static void exit1(void) { say("atexit, registered first in main"); }
static void exitLate(void) { say("atexit, registered by a handler"); }
static void exit2(void) {
  say("atexit, registered second in main");
  atexit(exitLate);
}
static void cxaExit(void *argument) { say(argument); }

extern void *__dso_handle;
extern int __cxa_atexit(void (*)(void *), void *, void *);

__attribute__((constructor(200))) static void registerEarly(void) {
  say("constructor, priority 200");
  __cxa_atexit(cxaExit, "__cxa_atexit, registered by a constructor", &__dso_handle);
}

int main(void) {
  say("main");
  atexit(exit1);
  __cxa_atexit(cxaExit, "__cxa_atexit, registered in main", &__dso_handle);
  atexit(exit2);
  return 0;
}
