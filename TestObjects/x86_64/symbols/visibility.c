// visibility.o: gcc -O2 -fPIC
// Hidden, protected and internal symbols, and local ones with equal names; with visibility_other.c.

#include <stdio.h>

extern int hiddenData __attribute__((visibility("hidden")));
int hiddenFunction(void) __attribute__((visibility("hidden")));
extern int protectedData;
int protectedFunction(void);
int internalFunction(void) __attribute__((visibility("internal")));
// Hidden by this reference only.
extern int plainThere __attribute__((visibility("hidden")));

static int equal = 1;
static __attribute__((noinline)) int equalFunction(void) { return equal; }
int equalOfOther(void);
int (*addressInOther(void))(void);
// Hidden here, and a function of the C library has that name: calls from here come here.
__attribute__((visibility("hidden"), noinline)) long labs(long x) { return x * 2; }

int main(void) {
  hiddenData += 1;
  protectedData += 1;
  printf("hidden: %d %d\n", hiddenData, hiddenFunction());
  printf("protected: %d %d\n", protectedData, protectedFunction());
  printf("internal: %d\n", internalFunction());
  printf("hidden by reference: %d\n", plainThere);
  printf("local: %d %d\n", equalFunction(), equalOfOther());
  printf("one address: %d\n", addressInOther() == protectedFunction);
  long (*volatile function)(long) = labs;
  printf("hidden over the C library's: %ld\n", function(-4));
  return 0;
}
