// noplt.o: gcc -O2 -fPIC -fno-plt
// noplt_clang.o: clang-19 -O2 -fPIC -fno-plt
// noplt_norelax.o: gcc -O2 -fPIC -fno-plt -Wa,-mrelax-relocations=no
// Calls and jumps through the GOT, to this unit and to the C library, relaxable and not.

#include <stdio.h>
#include <stdlib.h>

int global = 3;
const char *volatile text = "seven";

__attribute__((noinline)) int increment(int x) { return x + global; }
__attribute__((noinline)) int tail(const char *number) { return atoi(number); }
__attribute__((noinline)) int tailHere(int x) { return increment(x * 2); }
__attribute__((noinline)) int compare(int *pointer) { return pointer == &global; }
__attribute__((noinline)) int (*address(void))(int) { return increment; }

int main(void) {
  printf("%d %d %d\n", increment(1), tailHere(10), tail("41"));
  printf("%d %d\n", compare(&global), address() == increment);
  return puts(text) < 0;
}
