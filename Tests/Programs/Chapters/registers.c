// So many live values that all registers are saved and restored, of each kind and in different numbers; for size that
// is done by routines of the linker on ppc64le (-Os).

#include "chapters.h"

static __attribute__((noinline)) long next(long x) { return opaque(x * 6364136223846793005 + 1442695040888963407) >> 3; }
static __attribute__((noinline)) double half(double x) { return opaque(x * 0.5 + 1); }

#define longs2(f) long a = f(x), b = f(a + 1);
#define longs6(f) longs2(f) long c = f(b + 2), d = f(a ^ c), e = f(b - d), g = f(c + e);
#define longs12(f) longs6(f) long h = f(g ^ a), i = f(h + b), j = f(i - c), k = f(j ^ d), l = f(k + e), m = f(l - g);
#define longs18(f) \
  longs12(f) long n = f(m ^ a), o = f(n + b), p = f(o - c), q = f(p ^ d), r = f(q + e), s = f(r - g);

static __attribute__((noinline)) long integers2(long x) { longs2(next) next(b); return a * 3 + b; }
static __attribute__((noinline)) long integers6(long x) { longs6(next) next(g); return a + b * 3 + c * 5 + d * 7 + e * 11 + g; }
static __attribute__((noinline)) long integers12(long x) {
  longs12(next) next(m);
  return a + b * 3 + c * 5 + d * 7 + e * 11 + g * 13 + h * 17 + i * 19 + j * 23 + k * 29 + l * 31 + m;
}
static __attribute__((noinline)) long integers18(long x) {
  longs18(next) next(s);
  return a + b * 3 + c * 5 + d * 7 + e * 11 + g * 13 + h * 17 + i * 19 + j * 23 + k * 29 + l * 31 + m * 37 + n * 41 + o * 43
    + p * 47 + q * 53 + r * 59 + s;
}

#define doubles4(f) double a = f(x), b = f(a + 1), c = f(b - a), d = f(c + b);
#define doubles12(f) \
  doubles4(f) double e = f(d - c), g = f(e + a), h = f(g - b), i = f(h + c), j = f(i - d), k = f(j + e), l = f(k - g), m = f(l + h);
static __attribute__((noinline)) double doublesFew(double x) { doubles4(half) half(d); return a + b * 3 + c * 5 + d * 7; }
static __attribute__((noinline)) double doublesMany(double x) {
  doubles12(half) half(m);
  return a + b * 3 + c * 5 + d * 7 + e * 11 + g * 13 + h * 17 + i * 19 + j * 23 + k * 29 + l * 31 + m * 37;
}
// Both kinds in one function.
static __attribute__((noinline)) double mixed(long y, double z) {
  double total = 0;
  {
    long x = y;
    longs12(next)
    double x0 = z;
    {
      double x = x0;
      doubles4(half)
      total += a + 2 * b + 3 * c + 5 * d;
    }
    total += (double)((a ^ b ^ c ^ d ^ e ^ g ^ h ^ i ^ j ^ k ^ l ^ m) & 0xffff);
  }
  return half(total) + total;
}

typedef int Vector __attribute__((vector_size(16)));
static __attribute__((noinline)) Vector twist(Vector v) { return opaque(v * 3 + 1); }
static __attribute__((noinline)) Vector vectorsMany(Vector x) {
  Vector a = twist(x), b = twist(a), c = twist(b ^ a), d = twist(c + a), e = twist(d - b), f = twist(e + c), g = twist(f ^ d),
         h = twist(g + e), i = twist(h - f), j = twist(i ^ g), k = twist(j + h), l = twist(k - i), m = twist(l ^ j);
  twist(m);
  return a + b * 3 + c * 5 + d * 7 + e * 9 + f * 11 + g * 13 + h * 15 + i * 17 + j * 19 + k * 21 + l * 23 + m * 25;
}

void registers(void) {
  puts("== registers");
  printf("%lx %lx %lx %lx\n", integers2(1), integers6(2), integers12(3), integers18(4));
  printf("%.12g %.12g %.12g\n", doublesFew(1.5), doublesMany(2.5), mixed(5, 3.5));
  Vector v = vectorsMany(opaque(((Vector){1, 20, 300, 4000})));
  printf("%x %x %x %x\n", v[0], v[1], v[2], v[3]);
}
