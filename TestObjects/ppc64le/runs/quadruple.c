// archives: libgcc.a
// Floating-point numbers of 128 bits: instructions of POWER9, or routines of libgcc.a, which are indirect functions.

#include <stdio.h>

static __attribute__((noinline)) _Float128 root(_Float128 x) {
  _Float128 guess = x;
  for (int i = 0; i < 40; i++) guess = (guess + x / guess) * 0.5F128;
  return guess;
}
static _Float128 constants[] = {3.14159265358979323846264338327950288F128, -1.0F128 / 3, 1e4000F128};

int main(void) {
  _Float128 two = root(2);
  // 33 digits, more than a double has.
  printf("%.15f", (double)two);
  two = (two - (_Float128)(long long)1) * 1e15F128;
  printf(" %lld", (long long)two);
  two = (two - (_Float128)(long long)two) * 1e15F128;
  printf(" %lld\n", (long long)two);
  printf("%d %d %d\n", constants[0] > 3, constants[1] < constants[0], constants[2] / 1e3999F128 > 9);
  printf("%.10f %lld\n", (double)(constants[0] * constants[1]), (long long)(constants[2] / 1e3990F128));
  return 0;
}
