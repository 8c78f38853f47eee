// Data of every size, constant, initialized and zero, near and far from each other; addresses in data; commons.

#include "chapters.h"

#include <stdint.h>
#include <string.h>

static int localZeros[1 << 18];
int dataGlobalZeros[1 << 18];
static int localTable[64] = {3, 1, 4, 1, 5, 9, 2, 6};
int dataGlobalTable[64] = {2, 7, 1, 8, 2, 8, 1, 8};
static signed char bytes[3] = {-1, -2, -3};
static short halves[3] = {-100, -200, -300};
static volatile long long words[2] = {0x0123456789abcdef, -0x0123456789abcdef};
static const char text[] = "constant text";
static const int constants[] = {11, 22, 33, 44};
__attribute__((aligned(256))) static char aligned[300] = "aligned";
// Unaligned: relocated bytes at any address.
struct __attribute__((packed)) Packed { char c; const int *pointer; short s; int *other; };
static struct Packed packed = {'p', &constants[2], -5, &localZeros[12345]};
// An address as a number, with addends that leave the object.
static int *const volatile addresses[] = {localZeros + 17, dataGlobalZeros + 17, &localTable[5], &dataGlobalTable[3],
                                          dataGlobalTable + 64};
static const char *const strings[] = {"one", "two", "three", text, text + 9};

__attribute__((common)) int dataCommon[100];
extern int dataCommon[100];
int *dataCommonOfOther(void);
int *dataBeyondOfOther(int index);

static __attribute__((noinline)) uint64_t hash(const void *start, size_t count) {
  uint64_t value = 14695981039346656037u;
  for (const unsigned char *at = start; count > 0; at++, count--) value = (value ^ *at) * 1099511628211u;
  return value;
}

void data(void) {
  puts("== data");
  for (int i = 0; i < 1 << 18; i++) {
    localZeros[i] += i;
    dataGlobalZeros[i] -= i;
  }
  long sum = 0;
  for (int i = 0; i < 1 << 18; i += 1000) sum += localZeros[i] + 2L * dataGlobalZeros[i];
  printf("large: %ld %d %d\n", sum, localZeros[opaque(200000)], dataGlobalZeros[opaque(131072)]);
  printf("small: %d %d %llx\n", bytes[opaque(2)], halves[opaque(1)], words[0] + 2 * words[1]);
  printf("addresses: %d %d %d %d %td\n", *addresses[0], *addresses[1], *addresses[2], *addresses[3],
         addresses[4] - dataGlobalTable);
  for (int i = 0; i < 5; i++) printf("%s%c", strings[opaque(i)], i < 4 ? ' ' : '\n');
  printf("packed: %c %d %d %d\n", packed.c, *packed.pointer, packed.s, *packed.other);
  printf("aligned: %s %d\n", aligned, (uintptr_t)aligned % 256 == 0);
  printf("hash: %llx\n", (unsigned long long)hash(text, sizeof text));
  for (int i = 0; i < 100; i++) dataCommon[i] += i;
  printf("common: %d %d %d\n", dataCommonOfOther() == dataCommon, dataCommonOfOther()[99], dataCommon[50]);
  *dataBeyondOfOther(400000) = 9;
  printf("beyond: %d %d\n", *dataBeyondOfOther(400000), *dataBeyondOfOther(0));
}
