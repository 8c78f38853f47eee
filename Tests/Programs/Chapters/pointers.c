// Functions and data of this unit, of another one and of the C library, by call, by address and in tables; with
// pointers_other.c.

#include "chapters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int Function(int);

extern char **environ;
extern int pointersMissing(int) __attribute__((weak));
extern int pointersMissingData __attribute__((weak));
extern int pointersHidden __attribute__((visibility("hidden")));
int pointersHiddenFunction(int) __attribute__((visibility("hidden")));

int pointersOther(int);
int pointersBack(int);
Function *pointersAddress(int which);
int pointersThrough(Function *function, int value);
const void *pointersStream(void);
int pointersWeak(int);

int pointersHere(int x) { return x + 1; }
static __attribute__((noinline)) int local(int x) { return pointersOther(x) * 2; }
__attribute__((weak)) int pointersWeak(int x) { return x - 1000; }
int pointersAlias(int) __attribute__((alias("pointersHere")));
// Called by the other unit while it is called from here.
int pointersBack(int x) { return local(x) + 5; }

static Function *const table[] = {pointersHere, local, pointersOther, abs, pointersAlias, pointersMissing};
static Function *volatile writable = abs;

void pointers(void) {
  puts("== pointers");
  for (int i = 0; i < 5; i++) printf("%d ", table[opaque(i)](-20));
  printf("%s\n", table[opaque(5)] ? "there" : "missing");
  printf("equal: %d %d %d %d\n", pointersAddress(0) == pointersHere, pointersAddress(1) == table[2],
         pointersAddress(2) == writable, table[4] == table[0]);
  printf("through: %d %d %d\n", pointersThrough(local, 4), pointersThrough(pointersOther, 4), pointersThrough(abs, -4));
  printf("back: %d\n", pointersThrough(pointersBack, 100));
  printf("weak: %d %s\n", pointersWeak(3), &pointersMissingData ? "there" : "missing");
  if (pointersMissing) printf("%d\n", pointersMissing(1));
  pointersHidden += 2;
  printf("hidden: %d\n", pointersHiddenFunction(1));
  printf("the C library's data: %d %d %d\n", pointersStream() == stdout, environ == *(char ***)opaque(&environ),
         stderr != stdout && optind == 1);
  size_t (*volatile length)(const char *) = strlen;
  printf("the C library's functions: %zu %s\n", length("twelve bytes"), strchr("a/b", '/'));
}
