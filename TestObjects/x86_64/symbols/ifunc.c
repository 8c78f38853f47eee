// ifunc.o: gcc -O2
// ifunc_pic.o: gcc -O2 -fPIC
// ifunc_clang.o: clang-19 -O2 -fPIC
// Functions that are chosen when the program starts; with ifunc_other.c.

#include <cpuid.h>
#include <stdio.h>

typedef int Function(int);
Function *addressInOther(void);
int callInOther(int);
int viaOtherTable(int);

// Chosen by what the processor can do; both answer the same.
static int plain(int x) { return x * 3; }
static int modern(int x) { return x + 2 * x; }
static Function *chooseByProcessor(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return plain;
  return c & bit_SSE4_2 ? modern : plain;
}
int triple(int) __attribute__((ifunc("chooseByProcessor")));

// The resolver calls a function of the other unit and reads a table of addresses: both must be relocated before.
int preferred(void);
static int slow(int x) { return x - 1000; }
static int fast(int x) { return x + 1000; }
static Function *volatile table[] = {slow, fast};
static Function *chooseByTable(void) { return table[preferred()]; }
int jump(int) __attribute__((ifunc("chooseByTable")));

// Local to this unit.
static Function *chooseLocal(void) { return fast; }
static int local(int) __attribute__((ifunc("chooseLocal")));

// In initialized data.
Function *volatile stored = triple;
static Function *volatile storedLocal = local;

// A constructor may call it already.
static int early;
__attribute__((constructor)) static void before(void) { early = triple(5); }

int main(void) {
  printf("triple(14) = %d, %d from the other unit\n", triple(14), callInOther(14));
  printf("jump(1) = %d, local(2) = %d\n", jump(1), local(2));
  printf("stored: %d %d\n", stored(100), storedLocal(100));
  printf("equal addresses: %d %d %d\n", addressInOther() == triple, stored == triple, storedLocal == local);
  printf("from the other unit's table: %d\n", viaOtherTable(6));
  printf("in a constructor: %d\n", early);
  return 0;
}
