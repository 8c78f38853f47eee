// startstop_other.o: clang-19 -O2 -fPIC
// The other unit of startstop.c.

struct Command {
  const char *name;
  int (*run)(int);
};

static int twice(int x) { return 2 * x; }
__attribute__((section("commands"), used)) static const struct Command twiceCommand = {"twice", twice};
__attribute__((section("counters"), used)) static int values[3] = {10, 20, 30};
