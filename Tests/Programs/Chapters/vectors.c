// Arithmetic with vectors, which processors since POWER7 and z13 have instructions for; loops that become such.

#include "chapters.h"

#include <stdint.h>

typedef int8_t Bytes __attribute__((vector_size(16)));
typedef int16_t Halves __attribute__((vector_size(16)));
typedef int32_t Words __attribute__((vector_size(16)));
typedef int64_t Longs __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(16)));

// Constants in the pool, comparisons, shuffles that are permutations from memory.
static __attribute__((noinline)) Words blend(Words a, Words b) {
  Words mask = a > b;
  return (a & mask) | (b & ~mask) | (Words){0, 1, 2, 3};
}
static __attribute__((noinline)) Bytes reverse(Bytes bytes) {
  return __builtin_shufflevector(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}
static __attribute__((noinline)) Halves mix(Halves a, Halves b) {
  return __builtin_shufflevector(a, b, 0, 9, 2, 11, 4, 13, 6, 15) * (Halves){1, -1, 2, -2, 3, -3, 4, -4};
}
static __attribute__((noinline)) Doubles interpolate(Doubles a, Doubles b) {
  return a * (Doubles){0.25, 0.75} + b * (Doubles){0.75, 0.25} - (Doubles){1.5, -2.5};
}
static __attribute__((noinline)) Floats scale(Floats a) { return a * (Floats){1, 2, 4, 8} + 0.5f; }
static __attribute__((noinline)) Longs shift(Longs a) { return (a << 7) - (a >> (Longs){1, 3}); }

static int32_t first[333], second[333];
static double wide[333];
static __attribute__((noinline)) void fill(void) {
  for (int i = 0; i < 333; i++) {
    first[i] = i * i - 1000;
    second[i] = 7 * i;
    wide[i] = i * 0.5;
  }
}
static __attribute__((noinline)) long multiply(void) {
  long sum = 0;
  for (int i = 0; i < 333; i++) sum += (long)(first[i] * second[i] ^ i);
  return sum;
}
static __attribute__((noinline)) int32_t largest(void) {
  int32_t result = first[0];
  for (int i = 1; i < 333; i++) result = first[i] > result ? first[i] : result;
  return result;
}
static __attribute__((noinline)) void combine(double *restrict to, const int32_t *restrict from) {
  for (int i = 0; i < 333; i++) to[i] = to[i] * 2 + from[i];
}

void vectors(void) {
  puts("== vectors");
  Words w = blend(opaque(((Words){5, -6, 700, 8})), opaque(((Words){50, -60, 70, 80})));
  printf("%d %d %d %d\n", w[0], w[1], w[2], w[3]);
  Bytes b = reverse(opaque(((Bytes){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})));
  printf("%d %d %d\n", b[0], b[7], b[15]);
  Halves h = mix(opaque(((Halves){1, 2, 3, 4, 5, 6, 7, 8})), opaque(((Halves){10, 20, 30, 40, 50, 60, 70, 80})));
  printf("%d %d %d %d\n", h[0], h[1], h[6], h[7]);
  Doubles d = interpolate(opaque(((Doubles){8, 16})), opaque(((Doubles){24, 4})));
  Floats f = scale(opaque(((Floats){1.5f, 2.5f, 3.5f, 4.5f})));
  Longs l = shift(opaque(((Longs){1000, -1000})));
  printf("%g %g %g %g %lld %lld\n", d[0], d[1], f[0], f[3], (long long)l[0], (long long)l[1]);
  fill();
  combine(wide, second);
  printf("%ld %d %g %g\n", multiply(), largest(), wide[100], wide[332]);
}
