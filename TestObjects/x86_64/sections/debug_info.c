// debug_info.o: gcc -O1 -g -gz=zlib -fPIC
// debug_info_clang.o: clang-19 -O1 -g -fPIC -ffunction-sections -fdata-sections
// Debug information, compressed in the first object: the linker must not load it.

#include <stdio.h>

struct Point { int x, y; };
static struct Point points[3] = {{1, 2}, {3, 4}, {5, 6}};

static __attribute__((noinline)) int product(const struct Point *point) { return point->x * point->y; }

int main(void) {
  int sum = 0;
  for (int i = 0; i < 3; i++) sum += product(&points[i]);
  printf("sum of products: %d\n", sum);
  return 0;
}
