// Frames and structures larger than displacements: 4 KiB, 32 KiB, 512 KiB; frames of unknown size.

#include "chapters.h"

#include <alloca.h>
#include <string.h>

static __attribute__((noinline)) void fill(unsigned char *bytes, int count) {
  for (int i = 0; i < count; i++) bytes[i] = (unsigned char)(i * 7 + count);
}

#define frame(name, size)                                          \
  static __attribute__((noinline)) unsigned long name(int index) { \
    unsigned char below[16], array[size], above[16];               \
    fill(below, 16);                                               \
    fill(array, size);                                             \
    fill(above, 16);                                               \
    unsigned long sum = below[index] + above[index];               \
    for (int i = 0; i < size; i += 100) sum = sum * 31 + array[i]; \
    return sum + array[size - 1 - index];                          \
  }
frame(frame4000, 4000)
frame(frame5000, 5000)
frame(frame40000, 40000)
frame(frame600000, 600000)

struct Large {
  char first[4090];
  int at4k;
  char second[28660];
  int at32k;
  char third[491510];
  int at512k;
  char fourth[600000];
  int atEnd;
};
static struct Large large;

static __attribute__((noinline)) long use(struct Large *pointer) {
  pointer->at4k += 1;
  pointer->at32k += 2;
  pointer->at512k += 3;
  pointer->atEnd += 4;
  pointer->third[491509] = 5;
  return pointer->at4k * 1000L + pointer->at32k * 100 + pointer->at512k * 10 + pointer->atEnd + pointer->third[491509];
}

static __attribute__((noinline)) unsigned long dynamic(int count) {
  unsigned char *bytes = alloca(count);
  fill(bytes, count);
  unsigned char array[count * 2];
  fill(array, count * 2);
  return bytes[count - 1] + 256ul * array[count * 2 - 1];
}

void frames(void) {
  puts("== frames");
  printf("%lx %lx %lx %lx\n", frame4000(3), frame5000(4), frame40000(5), frame600000(6));
  long first = use(&large);
  printf("%ld %ld\n", first, use(opaque(&large)));
  printf("%lx %lx\n", dynamic(opaque(10)), dynamic(opaque(70000)));
}
