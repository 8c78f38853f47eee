// Calls functions of every kind of entry, directly and by address, and uses its own data afterwards; with entries.s.

#include <stdio.h>

long keeping(long);
long clobbering(long);
long eight(long);
long sixteen(long);
long caller(long);
extern int three, four;
int own = 100;

static long (*volatile functions[])(long) = {keeping, clobbering, eight, sixteen, caller};

static __attribute__((noinline)) long tail(long x) { return clobbering(x + own); }

int main(void) {
  long sum = own;
  sum += keeping(sum) + own;
  sum += clobbering(sum) + own;
  sum += eight(sum) + own + three;
  sum += sixteen(sum) + own + four;
  sum += caller(sum) + own;
  printf("called: %ld\n", sum);
  printf("by address:");
  for (int i = 0; i < 5; i++) printf(" %ld", functions[i](1000) + own);
  printf("\ntail: %ld\n", tail(7));
  return 0;
}
