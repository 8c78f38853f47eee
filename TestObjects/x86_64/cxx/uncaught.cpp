// uncaught.o: g++ -O2 -fPIC
// An exception that nobody catches: std::terminate is called, the handler ends the program with status 9. Without
// an argument there is no handler and the program aborts.

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char **) {
  if (argc > 1) {
    std::set_terminate([] {
      std::puts(std::current_exception() ? "terminated by an exception" : "terminated");
      std::fflush(stdout);
      std::_Exit(9);
    });
  }
  throw 1;
}
