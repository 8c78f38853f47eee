// Variable arguments, in registers and in memory, of every kind, to this program and to the C library.

#include "chapters.h"

#include <stdarg.h>
#include <string.h>

struct Small { int a, b; };
struct Large { long values[5]; };

// i: int, l: long, d: double, s: string, S: struct Small, L: struct Large, e: long double.
static __attribute__((noinline)) double total(const char *kinds, ...) {
  va_list list, again;
  double sum[2] = {0, 0};
  va_start(list, kinds);
  va_copy(again, list);
  for (int round = 0; round < 2; round++) {
    int factor = 1;
    for (const char *kind = kinds; *kind; kind++, factor++) {
      double value = 0;
#define next(type) (round ? va_arg(again, type) : va_arg(list, type))
      switch (*kind) {
        case 'i': value = next(int); break;
        case 'l': value = (double)next(long); break;
        case 'd': value = next(double); break;
        case 's': value = (double)strlen(next(const char *)); break;
        case 'S': { struct Small s = next(struct Small); value = s.a - s.b; break; }
        case 'L': { struct Large l = next(struct Large); value = (double)(l.values[0] + l.values[4]); break; }
        case 'e': value = (double)next(long double); break;
      }
      sum[round] += value * factor;
    }
  }
  va_end(again);
  va_end(list);
  return sum[0] == sum[1] ? sum[0] : -1;
}

static __attribute__((noinline, format(printf, 2, 3))) int format(char *buffer, const char *text, ...) {
  va_list list;
  va_start(list, text);
  int length = vsnprintf(buffer, 200, text, list);
  va_end(list);
  return length;
}

void variadic(void) {
  puts("== variadic");
  printf("%g\n", total("iiiiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  printf("%g\n", total("dddddddddddddddd", 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5));
  printf("%g\n", total("ildsSLeidlsSLe", 1, -2L, 3.25, "four", (struct Small){9, 4}, (struct Large){{6, 0, 0, 0, 1}}, 7.5L, -8,
                       9.125, 10L, "eleven", (struct Small){1, 13}, (struct Large){{13, 0, 0, 0, 2}}, 14.25L));
  char buffer[200];
  int length = format(buffer, "%d|%s|%.3f|%lld|%c|%Lg|%x|%5.1e|%ld|%s|%d|%g", -1, "two", 3.0, 4000000000000LL, '5', 6.5L, 0x77,
                      8.0, 9L, "ten", 11, 12.5);
  printf("%s %d\n", buffer, length);
}
