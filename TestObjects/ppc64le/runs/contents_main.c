// Calls the parts that contents.c gives; there are PARTS of them, up to four.

#include <stdio.h>

unsigned twice0(unsigned), twice1(unsigned);
unsigned twice2(unsigned) __attribute__((weak)), twice3(unsigned) __attribute__((weak));
static unsigned (*const parts[])(unsigned) = {twice0, twice1, twice2, twice3};
static int depth;
unsigned next(unsigned);

// From every part into every deeper one.
unsigned next(unsigned sum) {
  if (depth >= PARTS - 1) return sum;
  sum ^= parts[++depth](sum);
  depth--;
  return sum;
}

int main(void) {
  for (int i = 0; i < PARTS; i++) printf("%u\n", parts[i](i + 1));
  return 0;
}
