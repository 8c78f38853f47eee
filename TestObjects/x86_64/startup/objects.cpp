// objects.o: g++ -O2 -fPIC
// C++ objects of static storage duration.

extern "C" void say(const char *what);

struct Loud {
  const char *destroyed;
  Loud(const char *constructed, const char *destroyed) : destroyed(destroyed) { say(constructed); }
  ~Loud() { say(destroyed); }
};

#define PRIORITY(number) __attribute__((init_priority(number)))

static Loud third("global object", "~global object");
PRIORITY(2000) static Loud second("global object, priority 2000", "~global object, priority 2000");
PRIORITY(150) static Loud first("global object, priority 150", "~global object, priority 150");

template <int n> struct Holder { static Loud loud; };
template <int n> Loud Holder<n>::loud("static member of a template", "~static member of a template");
template struct Holder<1>;

static Loud &local() {
  static Loud loud("static local object, on first use", "~static local object");
  return loud;
}

__attribute__((constructor)) static void useLocal() { local(); local(); }
