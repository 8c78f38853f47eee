// parity.o: gcc -O2 -fPIC
// Needs a member of libeven.a, which needs one of libodd.a, which needs another of libeven.a.

#include <stdio.h>

int isEven(unsigned);
extern int membersLoaded;

int main(void) {
  printf("%d %d, %d members\n", isEven(10), isEven(7), membersLoaded);
  return 0;
}
