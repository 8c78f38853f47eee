// startstop.o: gcc -O2 -fPIC
// __start_ and __stop_ symbols of sections that are C identifiers, filled by two units; with startstop_other.c.

#include <stdio.h>

struct Command {
  const char *name;
  int (*run)(int);
};

static int negate(int x) { return -x; }
static const struct Command negateCommand __attribute__((section("commands"), used)) = {"negate", negate};
static int square(int x) { return x * x; }
static const struct Command squareCommand __attribute__((section("commands"), used)) = {"square", square};

extern const struct Command __start_commands[], __stop_commands[];
// Only in the other unit, writable; and in no unit.
extern int __start_counters[] __attribute__((visibility("hidden")));
extern int __stop_counters[] __attribute__((visibility("hidden")));
extern char __start_absent[] __attribute__((weak)), __stop_absent[] __attribute__((weak));

int main(void) {
  for (const struct Command *command = __start_commands; command < __stop_commands; command++)
    printf("%s(7) = %d\n", command->name, command->run(7));
  for (int *counter = __start_counters; counter < __stop_counters; counter++) *counter += 1;
  printf("%td counters, the last is %d\n", __stop_counters - __start_counters, __stop_counters[-1]);
  printf("absent: %s %s\n", __start_absent ? "there" : "0", __stop_absent ? "there" : "0");
  return 0;
}
