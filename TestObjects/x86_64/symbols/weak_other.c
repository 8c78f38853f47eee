// weak_other.o: gcc -O2 -fno-builtin
// The other unit of weak.c.

int abs(int);
const char *overridden(void) { return "strong"; }
__attribute__((weak)) const char *twice(void) { return "second"; }
int overriddenData = 2;
int callAbs(int x) { return abs(x); }
