// common.o: gcc -O2 -fcommon
// Tentative definitions; common_other.c has them with other sizes and alignments.

#include <stdint.h>
#include <stdio.h>

int small[2];
char aligned[100] __attribute__((aligned(256)));
int initialized;
int onlyHere[1000];

int *smallOfOther(void);
long fill(void);

int main(void) {
  long sum = 0;
  for (int i = 0; i < 1000; i++) sum += onlyHere[i];
  printf("zero filled: %d\n", sum == 0 && small[0] == 0 && aligned[99] == 0);
  printf("one symbol: %d\n", smallOfOther() == small);
  printf("strictest alignment: %d\n", (uintptr_t)aligned % 256 == 0);
  printf("largest size: %ld\n", fill());
  printf("a definition wins: %d\n", initialized);
  printf("untouched: %d %d\n", aligned[0], onlyHere[999]);
  return 0;
}
