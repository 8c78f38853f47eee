// Asks for every kind of reference in literals.s, and prints what is found.

#include <stdio.h>
#include <string.h>

long thereValue[] = {0x0102030405060708, 0x0a0b0c0d0e0f1011};
long thereOther = 42;
extern long hereValue, hereOther;
long thereFunction(long);
long thereFunction(long x) { return x * 3 + thereOther; }

void *poolAddress(void), *poolDistance(void), *poolShortDistance(void), *poolGOT(void), *poolGOTOFF(void);
void *relativeAddress(void), *slotRelative(void), *slotShort(void), *slotLong(void);
long poolPLT(long), poolPLTOFF(long), relativeLoads(void), relativeStore(long), relativeCompare(long), calls(long);
long displacementShort(long), displacementLong(long), displacementNegative(long), branch(long), shortBranch(int);
void executeHere(void *to, const void *from, long count), executeThere(void *to, const void *from, long count);

int main(void) {
  printf("pool: %d %d %d %d %d\n", poolAddress() == &thereValue[1], poolDistance() == &hereValue,
         poolShortDistance() == &hereValue, poolGOT() == thereValue, poolGOTOFF() == &hereValue);
  printf("pool, functions: %ld %ld\n", poolPLT(10), poolPLTOFF(20));
  printf("relative: %d %lx %lx %ld %ld\n", relativeAddress() == &thereValue[1], (unsigned long)relativeLoads(),
         (unsigned long)relativeStore(0x123456789abcdef0), relativeCompare(thereValue[0]), relativeCompare(1));
  printf("slots: %d %d %d\n", slotRelative() == thereValue, slotShort() == &thereOther, slotLong() == &hereOther);
  printf("displacements: %lx %lx %lx\n", displacementShort(0x1000), displacementLong(0x1000),
         displacementNegative(0x100000));
  printf("calls: %ld %ld %ld %ld %ld %ld\n", calls(-100), branch(-1), branch(1), shortBranch(5), shortBranch(3),
         shortBranch(1));
  char to[256], from[256];
  for (int i = 0; i < 256; i++) from[i] = (char)(i ^ 0x55);
  unsigned sum = 0;
  for (int count = 1; count <= 256; count += 51) {
    memset(to, 1, sizeof to);
    executeHere(to, from, count);
    executeThere(to + 3, from, count > 3 ? count - 3 : 1);
    for (int i = 0; i < 256; i++) sum = sum * 5 + (unsigned char)to[i];
  }
  printf("executed: %u\n", sum);
  return 0;
}
