// Structures of many sizes by value, copies of constant and of variable length, bit fields, comparisons.

#include "chapters.h"

#include <stdint.h>
#include <string.h>

struct One { char a; };
struct Pair { long a; double b; };
struct Floats { float a, b, c; };
struct Odd { char bytes[7]; };
struct Many { int values[40]; };
struct Bits { unsigned a : 3; int b : 5; unsigned long long c : 40; unsigned d : 16; };

static __attribute__((noinline)) struct One one(struct One x) { return (struct One){(char)(x.a + 1)}; }
static __attribute__((noinline)) struct Pair pair(struct Pair x, int y) { return (struct Pair){x.a * y, x.b / y}; }
static __attribute__((noinline)) struct Floats floats(struct Floats x) { return (struct Floats){x.c, x.a, x.b * 2}; }
static __attribute__((noinline)) struct Odd odd(struct Odd x) {
  for (int i = 0; i < 3; i++) {
    char swapped = x.bytes[i];
    x.bytes[i] = x.bytes[6 - i];
    x.bytes[6 - i] = swapped;
  }
  return x;
}
static __attribute__((noinline)) struct Many many(struct Many x, struct Many y) {
  for (int i = 0; i < 40; i++) x.values[i] += y.values[39 - i];
  return x;
}
static __attribute__((noinline)) struct Bits bits(struct Bits x) {
  x.a++;
  x.b = -x.b;
  x.c *= 3;
  x.d ^= 0xffff;
  return x;
}
// Lengths that only the caller knows: machines have instructions that are executed with a length from a register.
static __attribute__((noinline)) void copy(void *to, const void *from, size_t count) { memcpy(to, from, count); }
static __attribute__((noinline)) void set(void *to, int value, size_t count) { memset(to, value, count); }
static __attribute__((noinline)) void clear(void *to, size_t count) { memset(to, 0, count); }
static __attribute__((noinline)) int compare(const void *a, const void *b, size_t count) { return memcmp(a, b, count); }
static __attribute__((noinline)) void combine(unsigned char *to, const unsigned char *from, int count) {
  for (int i = 0; i < count; i++) to[i] ^= from[i];
}

void records(void) {
  puts("== records");
  struct Pair p = pair((struct Pair){7, 9.0}, 3);
  struct Floats f = floats((struct Floats){1.5f, 2.5f, 3.5f});
  struct Odd o = odd((struct Odd){"abcdef"});
  printf("%c %ld %g %g %g %g %.6s\n", one((struct One){'a'}).a, p.a, p.b, f.a, f.b, f.c, o.bytes + 1);
  struct Many m, n;
  for (int i = 0; i < 40; i++) m.values[i] = i, n.values[i] = i * i;
  m = many(m, n);
  printf("%d %d %d\n", m.values[0], m.values[20], m.values[39]);
  struct Bits b = bits((struct Bits){7, 11, 0xfedcba9876, 0x1234});
  printf("%u %d %llx %x\n", b.a, b.b, (unsigned long long)b.c, b.d);

  unsigned char from[1000], to[1000], mask[1000];
  for (int i = 0; i < 1000; i++) from[i] = (unsigned char)(i * 13 + 5), mask[i] = (unsigned char)(i >> 2);
  uint32_t sum = 0;
  static const int lengths[] = {0, 1, 2, 7, 8, 16, 100, 255, 256, 257, 511, 512, 777, 1000};
  for (int i = 0; i < 14; i++) {
    int length = lengths[i];
    set(to, 0xa5, 1000);
    copy(to, from, length);
    combine(to, mask, length);
    clear(to + length / 2, length / 4);
    for (int j = 0; j < 1000; j++) sum = sum * 33 + to[j];
    int order = compare(to, from, length);
    sum += order < 0 ? 1 : order > 0 ? 2 : 3;
  }
  printf("%08x\n", sum);
}
