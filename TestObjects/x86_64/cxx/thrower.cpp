// thrower.o: g++ -std=c++17 -O2
// thrower_pic.o: clang++-19 -std=c++17 -O1 -fPIC
// The other unit of exceptions.cpp.

#include "shapes.hpp"

std::string Shape::name() const { return "shape"; }

std::vector<std::string> describe(const std::vector<const Shape *> &shapes) {
  std::vector<std::string> names;
  for (auto *shape : shapes) names.push_back(shape->name() + (dynamic_cast<const Labelled *>(shape) ? "!" : ""));
  return names;
}

void throwFromThrower(int depth) {
  Counter<Shape> counter;
  if (depth == 0) throw FromThrower("from the other unit with " + std::to_string(Counter<Shape>::live) + " counters");
  throwFromThrower(depth - 1);
  sharedCount()++;  // Not a tail call.
}

std::string catchFromMain(void (*function)()) {
  try {
    function();
    return "nothing thrown";
  } catch (const FromThrower &error) {
    return std::string("wrong type: ") + error.what();
  } catch (const FromMain &error) {
    return std::string(error.what()) + ", code " + std::to_string(error.code);
  } catch (int number) {
    return "int " + std::to_string(number);
  }
}

Function addressOfAdd7() { return add<7>; }
int *addressOfSharedCount() { return &sharedCount(); }
