// exceptions.o: g++ -std=c++17 -O2
// exceptions_pic.o: clang++-19 -std=c++17 -O1 -fPIC
// Exceptions, run-time type information, containers and streams; with thrower.cpp.

#include <algorithm>
#include <exception>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <typeinfo>
#include <unordered_map>

#include "shapes.hpp"

namespace {

struct Trace {
  const char *name;
  explicit Trace(const char *name) : name(name) {}
  ~Trace() { std::cout << "  unwound " << name << '\n'; }
};

void chapter(const char *name) { std::cout << "== " << name << '\n'; }

void exceptions() {
  chapter("exceptions");
  try {
    Trace outer("outer");
    [&] {
      Trace inner("inner");
      throw FromMain("thrown and caught here", 3);
    }();
  } catch (const std::exception &error) {
    std::cout << error.what() << '\n';
  }

  try {
    throwFromThrower(3);
  } catch (const std::logic_error &error) {
    std::cout << error.what() << ", now " << Counter<Shape>::live << '\n';
  }
  std::cout << catchFromMain([] { throw FromMain("caught in the other unit", 42); }) << '\n';
  std::cout << catchFromMain([] { throw 17; }) << '\n';

  // Past an exception handler of the other unit that does not match.
  try {
    catchFromMain([] { throw std::string("a string"); });
  } catch (const std::string &text) {
    std::cout << "passed by: " << text << '\n';
  }

  // Rethrown, and caught by reference to a base.
  try {
    try {
      throwFromThrower(0);
    } catch (FromThrower &) {
      Trace trace("before rethrow");
      throw;
    }
  } catch (std::exception &error) {
    std::cout << "rethrown: " << error.what() << '\n';
  }

  // Nested.
  try {
    try {
      throw std::out_of_range("the cause");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("the effect"));
    }
  } catch (const std::exception &effect) {
    try {
      std::rethrow_if_nested(effect);
    } catch (const std::exception &cause) {
      std::cout << effect.what() << " of " << cause.what() << '\n';
    }
  }

  // Kept, and thrown later, twice.
  std::exception_ptr kept;
  try {
    throw FromMain("kept", 9);
  } catch (...) {
    kept = std::current_exception();
  }
  for (int i = 0; i < 2; ++i) {
    try {
      std::rethrow_exception(kept);
    } catch (const FromMain &error) {
      std::cout << error.what() << ' ' << error.code << " (" << std::uncaught_exceptions() << " uncaught)\n";
    }
  }

  // Thrown by the C++ library.
  try {
    std::cout << std::vector<int>{1, 2, 3}.at(3) << '\n';
  } catch (const std::out_of_range &) {
    std::cout << "vector: out of range\n";
  }
  try {
    std::cout << std::stoi("seven") << '\n';
  } catch (const std::invalid_argument &error) {
    std::cout << error.what() << ": invalid argument\n";
  }
  try {
    std::function<void()>()();
  } catch (const std::bad_function_call &) {
    std::cout << "bad function call\n";
  }
}

void throughTheLibrary() {
  chapter("through the C++ library");
  std::function<int(int)> half = [](int number) {
    if (number % 2) throw std::domain_error(std::to_string(number) + " is odd");
    return number / 2;
  };
  try {
    std::cout << half(42) << '\n';
    std::cout << half(43) << '\n';
  } catch (const std::domain_error &error) {
    std::cout << error.what() << '\n';
  }

  std::vector<int> numbers = {5, 3, 8, 1, 9, 2};
  int comparisons = 0;
  try {
    std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
      if (++comparisons == 4) throw "enough compared";
      return a < b;
    });
  } catch (const char *reason) {
    std::cout << reason << '\n';
  }
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  for (int number : numbers) std::cout << number << ' ';
  std::cout << '\n';

  // Through frames of libstdc++.so: a stream buffer that throws, with exceptions of the stream switched on.
  struct Throwing : std::streambuf {
    int overflow(int) override { throw FromMain("the buffer is full", 1); }
  } buffer;
  std::ostream stream(&buffer);
  stream.exceptions(std::ios::badbit);
  try {
    stream << 12345;
  } catch (const FromMain &error) {
    std::cout << error.what() << '\n';
  }
  std::istringstream input("x");
  input.exceptions(std::ios::failbit);
  try {
    int number;
    input >> number;
  } catch (const std::ios_base::failure &error) {
    std::cout << "failure: " << (error.code() == std::io_errc::stream) << '\n';
  }
}

void types() {
  chapter("types");
  Square square(2);
  Tile tile(3, "blue");
  Shape *shape = &tile;
  for (auto &name : describe({&square, &tile})) std::cout << name << '\n';
  auto *asSquare = dynamic_cast<Square *>(shape);
  auto *asLabelled = dynamic_cast<Labelled *>(asSquare);  // Across.
  std::cout << asSquare->area() << ' ' << asLabelled->label << '\n';
  std::cout << (dynamic_cast<void *>(asLabelled) == &tile ? "the same object" : "another object") << '\n';
  try {
    (void)dynamic_cast<Labelled &>(static_cast<Shape &>(square));
  } catch (const std::bad_cast &) {
    std::cout << "a square has no label\n";
  }
  std::cout << (typeid(*shape) == typeid(Tile)) << (typeid(*shape) == typeid(Square)) << ' ' << typeid(*shape).name()
            << '\n';
  double (Shape::*area)() const = &Shape::area;
  std::cout << (shape->*area)() << '\n';
  std::cout << (addressOfAdd7() == &add<7> ? "one" : "two") << " add<7>, "
            << (addressOfSharedCount() == &sharedCount() ? "one" : "two") << " count, "
            << addressOfAdd7()(sharedCount()) << '\n';
}

struct Once {
  Once() { std::cout << "made once\n"; }
  ~Once() { std::cout << "destroyed at exit\n"; }
};

Once &once(bool fail) {
  static int attempts = 0;
  static Once instance = (++attempts == 1 && fail) ? throw std::runtime_error("the first attempt fails") : Once();
  return instance;
}

void guards() {
  chapter("static locals");
  for (int i = 0; i < 3; ++i) {
    try {
      once(true);
    } catch (const std::exception &error) {
      std::cout << error.what() << '\n';
    }
  }
}

void containers() {
  chapter("containers and streams");
  std::map<std::string, std::vector<int>> positions;
  std::unordered_map<std::string, int> counts;
  std::istringstream words("to be or not to be that is the question");
  int position = 0;
  for (std::string word; words >> word; ++position) {
    positions[word].push_back(position);
    counts[word]++;
  }
  for (auto &[word, list] : positions) {
    std::cout << std::left << std::setw(9) << word << counts.at(word);
    for (int number : list) std::cout << ' ' << number;
    std::cout << '\n';
  }
  std::ostringstream line;
  line << std::hex << std::showbase << 48879 << ' ' << std::dec << std::fixed << std::setprecision(3) << 2.0 / 3 << ' '
       << std::boolalpha << (counts.size() == positions.size());
  std::cout << line.str() << '\n';

  auto shared = std::make_shared<std::set<std::string>>();
  std::weak_ptr<std::set<std::string>> weak = shared;
  for (auto &entry : counts) shared->insert(entry.first);
  std::cout << *shared->begin() << ".." << *shared->rbegin() << ' ' << weak.use_count();
  shared.reset();
  std::cout << ' ' << weak.expired() << '\n';
  std::string text(1000, 'a');
  text.replace(10, 980, "...");
  std::cout << text << ' ' << text.find("...") << std::endl;
}

}  // namespace

int main() {
  exceptions();
  throughTheLibrary();
  types();
  guards();
  containers();
  return 0;
}
