// Calls over more than 32 MiB of code (gap.s), there and back, also in tail position and by address; with
// long_branches_far.c.

#include <stdio.h>

int near = 5;
int farFunction(int);
int farTail(int);
int (*farAddress(void))(int);
int farCallsBack(int (*)(int), int);
int nearFunction(int);
int nearTail(int);

int nearFunction(int x) { return x * 2 + near; }
__attribute__((noinline)) int nearTail(int x) { return farFunction(x + near); }

int main(void) {
  int sum = 0;
  for (int i = 0; i < 100; i++) sum += farFunction(i) - near;
  printf("%d %d %d\n", sum, nearTail(10), farTail(10));
  printf("%d %d\n", farAddress()(7), farCallsBack(nearFunction, 8));
  printf("the gap: %d\n", (char *)farFunction - (char *)nearFunction >= 32 << 20);
  return 0;
}
