// gcc_small_pic.o: gcc -O2 -mcmodel=small -fPIC
// gcc_small_pie.o: gcc -O2 -mcmodel=small -fPIE
// gcc_small_nopic.o: gcc -O2 -mcmodel=small -fno-pic
// gcc_medium_pic.o: gcc -O2 -mcmodel=medium -mlarge-data-threshold=100 -fPIC
// gcc_medium_nopic.o: gcc -O2 -mcmodel=medium -mlarge-data-threshold=100 -fno-pic
// gcc_large_pic.o: gcc -O2 -mcmodel=large -fPIC
// gcc_large_nopic.o: gcc -O2 -mcmodel=large -fno-pic
// clang_small_pic.o: clang-19 -O2 -mcmodel=small -fPIC
// clang_small_pie.o: clang-19 -O2 -mcmodel=small -fPIE
// clang_small_nopic.o: clang-19 -O2 -mcmodel=small -fno-pic
// clang_medium_pic.o: clang-19 -O2 -mcmodel=medium -mlarge-data-threshold=100 -fPIC
// clang_medium_nopic.o: clang-19 -O2 -mcmodel=medium -mlarge-data-threshold=100 -fno-pic
// clang_large_pic.o: clang-19 -O2 -mcmodel=large -fPIC
// clang_large_nopic.o: clang-19 -O2 -mcmodel=large -fno-pic
// One program for every code model: near and large data, local and global, tables of addresses, jump tables, calls to
// functions of this unit and of the C library. Its other unit is sink.c.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Zero-filled and initialized, above and below the threshold; local and global.
static int localZeros[1 << 18];
int globalZeros[1 << 18];
static int localTable[64] = {3, 1, 4, 1, 5, 9, 2, 6};
int globalTable[64] = {2, 7, 1, 8, 2, 8, 1, 8};
static int localNear = 11;
int globalNear = 22;
static const char constants[200] = "a string in an array of constants";

// Of the other unit.
int sink(int);
int sinkThrough(int (*)(int), int);

static __attribute__((noinline)) int localFunction(int x) { return x + localNear; }
__attribute__((noinline)) int globalFunction(int x) { return x + globalNear; }

static int (*const functions[])(int) = {localFunction, globalFunction, sink, abs};
int *const volatile addresses[] = {localZeros + 17, globalZeros + 17, &localNear, &globalTable[3]};

static __attribute__((noinline)) const char *name(int number) {
  switch (number) {
    case 0: return "local function";
    case 1: return "global function";
    case 2: return "function of another unit";
    case 3: return "function of the C library";
    case 4: return "nothing";
    default: return "?";
  }
}

// Twenty ways for a jump table.
static __attribute__((noinline)) int compute(int operation, int x) {
  switch (operation) {
    case 0: return x + 1;
    case 1: return localFunction(x);
    case 2: return globalFunction(x) * 3;
    case 3: return x ^ globalTable[1];
    case 4: return localTable[x & 7];
    case 5: return x << 3;
    case 6: return sink(x);
    case 7: return ~x;
    default: return -1;
  }
}

int main(void) {
  for (int i = 0; i < 1 << 18; i++) {
    localZeros[i] = i;
    globalZeros[i] = -i;
  }
  long sum = 0;
  for (int i = 0; i < 1 << 18; i += 1000) sum += localZeros[i] + 2L * globalZeros[i];
  printf("large arrays: %ld\n", sum);
  printf("addresses: %d %d %d %d\n", *addresses[0], *addresses[1], *addresses[2], *addresses[3]);
  for (int i = 0; i < 4; i++) printf("%s: %d\n", name(i), functions[i](-30));
  printf("computed:");
  for (int i = 0; i < 9; i++) printf(" %d", compute(i, 5));
  printf("\n%s, %zu\n", constants, strlen(constants));
  printf("called back: %d %d\n", sinkThrough(localFunction, 1), sinkThrough(globalFunction, 1));
  return 0;
}
