// Where control goes: jump tables, labels as values, calls in tail position, deep and mutual recursion.

#include "chapters.h"

// An interpreter, twice: by a dense switch, which becomes a table of offsets or addresses, and by computed goto.
enum Operation { push, add, subtract, multiply, divide, remainderOf, duplicate, swap, drop, negate, square, print, halt };

static __attribute__((noinline)) long interpretBySwitch(const int *code) {
  long stack[16], *top = stack - 1, swapped;
  for (;;) {
    switch (*code++) {
      case push: *++top = *code++; break;
      case add: top--; *top += top[1]; break;
      case subtract: top--; *top -= top[1]; break;
      case multiply: top--; *top *= top[1]; break;
      case divide: top--; *top /= top[1]; break;
      case remainderOf: top--; *top %= top[1]; break;
      case duplicate: top++; *top = top[-1]; break;
      case swap: swapped = *top; *top = top[-1]; top[-1] = swapped; break;
      case drop: top--; break;
      case negate: *top = -*top; break;
      case square: *top *= *top; break;
      case print: printf(" %ld", *top); break;
      case halt: return *top;
      default: return -1;
    }
  }
}

static __attribute__((noinline)) long interpretByGoto(const int *code) {
  static const void *const labels[] = {&&push_, &&add_, &&subtract_, &&multiply_, &&divide_, &&remainder_, &&duplicate_,
                                       &&swap_, &&drop_, &&negate_, &&square_, &&print_, &&halt_};
  long stack[16], *top = stack - 1, swapped;
#define next goto *labels[*code++]
  next;
push_: *++top = *code++; next;
add_: top--; *top += top[1]; next;
subtract_: top--; *top -= top[1]; next;
multiply_: top--; *top *= top[1]; next;
divide_: top--; *top /= top[1]; next;
remainder_: top--; *top %= top[1]; next;
duplicate_: top++; *top = top[-1]; next;
swap_: swapped = *top; *top = top[-1]; top[-1] = swapped; next;
drop_: top--; next;
negate_: *top = -*top; next;
square_: *top *= *top; next;
print_: printf(" %ld", *top); next;
halt_: return *top;
}

static __attribute__((noinline)) const char *sparse(unsigned value) {
  switch (value) {
    case 0: return "zero";
    case 77: return "seventy-seven";
    case 1u << 20: return "a mebi";
    case 0xdeadbeef: return "beef";
    case 0xffffffff: return "all ones";
    default: return "other";
  }
}

// Of this file and of another one, in tail position.
static __attribute__((noinline)) int isOdd(unsigned n);
static __attribute__((noinline)) int isEven(unsigned n) { return n == 0 ? 1 : isOdd(n - 1); }
static __attribute__((noinline)) int isOdd(unsigned n) { return n == 0 ? 0 : isEven(n - 1); }
static __attribute__((noinline)) int tail(const char *text) { return puts(text); }

static __attribute__((noinline)) long ackermann(long m, long n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

void control(void) {
  puts("== control");
  static const int code[] = {push, 6, push, 7, multiply, print, duplicate, push, 5, subtract, print, swap, push, 8,
                             divide, print, negate, square, print, add, push, 1000, swap, remainderOf, print, push, 1,
                             drop, halt};
  printf("switch:");
  long first = interpretBySwitch(code);
  printf("\ngoto:");
  printf("\n%ld %ld\n", first, interpretByGoto(code));
  const unsigned values[] = {0, 77, 1 << 20, 0xdeadbeef, 0xffffffff, 5};
  for (int i = 0; i < 6; i++) printf("%s%c", sparse(values[i]), i < 5 ? ',' : '\n');
  printf("even: %d %d\n", isEven(1000), isEven(1001));
  printf("tail: %d\n", tail("of the C library") >= 0);
  printf("ackermann: %ld\n", ackermann(2, 60));
}
