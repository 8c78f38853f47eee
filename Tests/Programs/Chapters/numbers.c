// Floating-point constants, which lie in pools and tables; arithmetic that takes a routine of the compiler's library;
// the mathematics of the C library.

#include "chapters.h"

#include <complex.h>
#include <stdint.h>

static __attribute__((noinline)) double polynomial(double x) {
  return ((((1.5 * x - 2.25) * x + 3.125) * x - 4.0625) * x + 5.03125) * x - 6.015625;
}
static __attribute__((noinline)) float polynomialInSingle(float x) {
  return ((0.5f * x - 1.25f) * x + 7.75f) * x - 100.0f;
}
static __attribute__((noinline)) double constant(int which) {
  switch (which) {
    case 0: return 3.14159265358979;
    case 1: return 2.71828182845905;
    case 2: return 1e300;
    case 3: return -1e-300;
    case 4: return 0.1;
    default: return 1.0 / 3;
  }
}
static __attribute__((noinline)) double newton(double x) {
  double root = x;
  for (int i = 0; i < 60; i++) root = 0.5 * (root + x / root);
  return root;
}
// Its precision differs between machines; what is printed does not depend on that.
static __attribute__((noinline)) long double extended(long double x, int count) {
  long double sum = 0.25L, factor = 1.5L;
  for (int i = 0; i < count; i++, factor *= 0.5L) sum += x * factor;
  return sum / 3.0L;
}
static __attribute__((noinline)) unsigned __int128 wide(unsigned __int128 a, unsigned __int128 b) { return a / b * 7 + a % b; }
static __attribute__((noinline)) double complex power(double complex z, int n) {
  double complex result = 1;
  for (; n > 0; n--) result *= z;
  return result;
}

void numbers(void) {
  puts("== numbers");
  printf("%.10g %.10g %.6g\n", polynomial(0.5), polynomial(-3), polynomialInSingle(2.5f));
  for (int i = 0; i < 6; i++) printf("%.12g%c", constant(i), i < 5 ? ' ' : '\n');
  printf("%.12g\n", newton(opaque(2.0)));
  long double sum = extended(2.0L, 30);
  printf("%.10g %.10Lg %d\n", (double)sum, sum, sum > 2.0L && sum < opaque(2.1L));
  unsigned __int128 quotient = wide((unsigned __int128)0x0123456789abcdef << 60, opaque((uint64_t)1000000007));
  printf("%llx %llx\n", (unsigned long long)(quotient >> 64), (unsigned long long)quotient);
  double complex z = power(opaque(1.0) + 2.0 * I, 9);
  printf("%.10g %.10g\n", creal(z), cimag(z));
  printf("%lld %llu %.10g %.10g\n", (long long)opaque(-12345678.9), (unsigned long long)opaque(1e19),
         (double)opaque((uint64_t)0xfffffffffffff800), (double)(float)opaque((int64_t)-123456789));
}
