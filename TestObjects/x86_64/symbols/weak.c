// weak_pie.o: gcc -O2
// weak_pic.o: gcc -O2 -fPIC
// weak_nopic.o: gcc -O2 -fno-pic
// weak_clang.o: clang-19 -O2 -fPIC
// Weak references that nobody defines are 0; weak definitions give way; with weak_other.c.

#include <stdio.h>

extern int missingData __attribute__((weak));
int missingFunction(int) __attribute__((weak));
extern int hiddenMissing __attribute__((weak, visibility("hidden")));
int *volatile pointer = &missingData;
int *volatile pointerBehind = &missingData + 4;  // 16

// Defined in the C library: a weak reference finds it.
int puts(const char *) __attribute__((weak));

// Defined weakly here and strongly in the other unit; weakly in both; only here.
__attribute__((weak, noinline)) const char *overridden(void) { return "weak"; }
__attribute__((weak, noinline)) const char *twice(void) { return "first"; }
__attribute__((weak, noinline)) const char *alone(void) { return "alone"; }
__attribute__((weak)) int overriddenData = 1;

// Defined here and in the C library: the objects win, also for calls from the other unit.
int abs(int x) { return x > 0 ? 1000 : -1000; }
int callAbs(int);

// An alias and a weak alias.
int strongName = 7;
extern int otherName __attribute__((alias("strongName")));
extern int weakName __attribute__((weak, alias("strongName")));

int main(void) {
  printf("data: %s\n", &missingData ? "there" : "0");
  printf("function: %s\n", missingFunction ? "there" : "0");
  printf("hidden: %s\n", &hiddenMissing ? "there" : "0");
  printf("in data: %d %d\n", (int)(long)pointer, (int)(long)pointerBehind);
  if (missingFunction) printf("%d\n", missingFunction(1));  // The call is in the object, and is not made.
  if (puts) puts("puts is there");
  printf("%s %s %s %d\n", overridden(), twice(), alone(), overriddenData);
  printf("%d\n", callAbs(-5));
  weakName++;
  printf("%d %d\n", otherName, &weakName == &strongName);
  return 0;
}
