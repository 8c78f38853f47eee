// What exceptions.cpp and thrower.cpp share: types, templates and inline functions that both define (COMDAT).
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

// Its only virtual function that is not inline is in thrower.cpp, and so are its vtable and type information.
struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
  virtual std::string name() const;
};

// No key function: both units emit the vtables.
struct Square : virtual Shape {
  double side;
  explicit Square(double side) : side(side) {}
  double area() const override { return side * side; }
  std::string name() const override { return "square"; }
};

struct Labelled : virtual Shape {
  std::string label;
  explicit Labelled(std::string label) : label(std::move(label)) {}
  std::string name() const override { return label; }
};

struct Tile : Square, Labelled {
  Tile(double side, std::string label) : Square(side), Labelled(std::move(label)) {}
  std::string name() const override { return Labelled::name() + " " + Square::name(); }
};

// Thrown in one unit, caught in the other.
struct FromMain : std::runtime_error {
  int code;
  FromMain(const std::string &what, int code) : std::runtime_error(what), code(code) {}
};
struct FromThrower : std::logic_error {
  using std::logic_error::logic_error;
};

// One counter and one function for the whole program, whichever unit's copy is chosen.
template <typename T> struct Counter {
  static int live;
  Counter() { ++live; }
  Counter(const Counter &) { ++live; }
  ~Counter() { --live; }
};
template <typename T> int Counter<T>::live = 0;

inline int &sharedCount() {
  static int count = 100;
  return count;
}
using Function = int (*)(int);
template <int n> int add(int value) { return value + n; }

std::vector<std::string> describe(const std::vector<const Shape *> &shapes);
void throwFromThrower(int depth);
std::string catchFromMain(void (*function)());
Function addressOfAdd7();
int *addressOfSharedCount();
