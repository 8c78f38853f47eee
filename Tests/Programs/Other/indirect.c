// Indirect functions, which the program chooses itself when it is linked: called, in tables, compared, from both units
// (with indirect_other.c). The choosers call functions and read tables, which must be relocated before.

#include <stdio.h>

typedef int Function(int);
int preferred(void);
int callFromOther(int);
Function *addressFromOther(void);

static int slow(int x) { return x - 1000; }
static int fast(int x) { return x + 1000; }
static Function *volatile table[] = {slow, fast};
static Function *choose(void) { return table[preferred()]; }
int jump(int) __attribute__((ifunc("choose")));

static Function *chooseSlow(void) { return slow; }
static int local(int) __attribute__((ifunc("chooseSlow")));

Function *volatile stored = jump;
static Function *const functions[] = {jump, local};

int main(void) {
  printf("called: %d %d %d\n", jump(1), local(2), callFromOther(3));
  printf("in data: %d %d %d\n", stored(4), functions[0](5), functions[1](6));
  printf("one address: %d %d\n", addressFromOther() == stored, functions[0] == stored);
  return 0;
}
