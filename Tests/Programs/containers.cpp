// flags: -std=c++17 -O2
// A calculator with variables, written with much of the C++ library: variants, regular expressions, streams, locales,
// shared pointers, virtual bases, exceptions that cross several layers, algorithms, numerics.

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <forward_list>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace calculator {

struct SyntaxError : std::runtime_error {
  std::size_t position;
  SyntaxError(const std::string &message, std::size_t position)
    : std::runtime_error(message + " at " + std::to_string(position)), position(position) {}
};

using Scope = std::unordered_map<std::string, double>;

struct Node {
  virtual ~Node() = default;
  virtual double value(Scope &scope) const = 0;
  virtual void print(std::ostream &out) const = 0;
};
using Tree = std::unique_ptr<Node>;

std::ostream &operator<<(std::ostream &out, const Node &node) {
  node.print(out);
  return out;
}

struct Number : Node {
  double number;
  explicit Number(double number) : number(number) {}
  double value(Scope &) const override { return number; }
  void print(std::ostream &out) const override { out << number; }
};

struct Variable : Node {
  std::string name;
  explicit Variable(std::string name) : name(std::move(name)) {}
  double value(Scope &scope) const override {
    auto found = scope.find(name);
    if (found == scope.end()) throw std::out_of_range("no variable " + name);
    return found->second;
  }
  void print(std::ostream &out) const override { out << name; }
};

struct Operation : Node {
  char symbol;
  Tree left, right;
  Operation(char symbol, Tree left, Tree right) : symbol(symbol), left(std::move(left)), right(std::move(right)) {}
  double value(Scope &scope) const override {
    static const std::map<char, std::function<double(double, double)>> functions = {
      {'+', std::plus<>()}, {'-', std::minus<>()}, {'*', std::multiplies<>()},
      {'/', [](double a, double b) { return b == 0 ? throw std::domain_error("division by zero") : a / b; }}};
    if (symbol == '=') {
      auto *variable = dynamic_cast<const Variable *>(left.get());
      if (!variable) throw std::logic_error("not a variable");
      return scope[variable->name] = right->value(scope);
    }
    double a = left->value(scope), b = right->value(scope);
    return functions.at(symbol)(a, b);
  }
  void print(std::ostream &out) const override { out << '(' << *left << ' ' << symbol << ' ' << *right << ')'; }
};

class Parser {
  struct Name { std::string text; };
  using Token = std::variant<double, Name, char, std::monostate>;
  std::vector<std::pair<Token, std::size_t>> tokens;
  std::size_t at = 0;

  bool take(char symbol) {
    auto *found = std::get_if<char>(&tokens[at].first);
    if (!found || *found != symbol) return false;
    ++at;
    return true;
  }

  Tree operand() {
    auto &[token, position] = tokens[at++];
    if (auto *number = std::get_if<double>(&token)) return std::make_unique<Number>(*number);
    if (auto *name = std::get_if<Name>(&token)) return std::make_unique<Variable>(name->text);
    if (token == Token('(')) {
      Tree inside = expression(0);
      if (!take(')')) throw SyntaxError("expected )", tokens[at].second);
      return inside;
    }
    throw SyntaxError("expected an operand", position);
  }

  Tree expression(std::size_t level) {
    static const std::array<std::string_view, 3> levels = {"=", "+-", "*/"};
    if (level == levels.size()) return operand();
    Tree left = expression(level + 1);
    for (bool more = true; more;) {
      more = false;
      for (char symbol : levels[level]) {
        if (!take(symbol)) continue;
        Tree right = expression(level == 0 ? 0 : level + 1);
        left = std::make_unique<Operation>(symbol, std::move(left), std::move(right));
        more = true;
      }
    }
    return left;
  }

  friend bool operator==(const Name &a, const Name &b) { return a.text == b.text; }

 public:
  explicit Parser(const std::string &text) {
    static const std::regex pattern(R"(\s*(?:(\d+\.?\d*(?:e[-+]?\d+)?)|([a-z]\w*)|([-+*/=()]))\s*)",
                                    std::regex::icase);
    auto from = text.cbegin();
    for (std::smatch match; from != text.cend(); from = match.suffix().first) {
      std::size_t position = from - text.cbegin();
      if (!std::regex_search(from, text.cend(), match, pattern, std::regex_constants::match_continuous))
        throw SyntaxError(std::string("unexpected ") + *from, position);
      if (match[1].matched) tokens.emplace_back(std::stod(match[1]), position);
      else if (match[2].matched) tokens.emplace_back(Name{match[2]}, position);
      else tokens.emplace_back(*match[3].first, position);
    }
    tokens.emplace_back(std::monostate(), text.size());
  }

  Tree parse() {
    Tree tree = expression(0);
    if (at + 1 != tokens.size()) throw SyntaxError("expected the end", tokens[at].second);
    return tree;
  }
};

void session() {
  Scope scope = {{"pi", 3.14159}};
  for (const char *line : {"1 + 2 * 3", "x = y = (1 + 2) * 3", "x / 4 - y / 2", "pi * 2e3", "1 / (x - y)", "2 * z",
                           "3 + * 4", "(1 + 2", "7 ? 8", "1 = 2", "8 - 4 - 2"}) {
    std::cout << std::left << std::setw(22) << line;
    try {
      Tree tree = Parser(line).parse();
      std::cout << *tree << " = " << tree->value(scope) << '\n';
    } catch (const SyntaxError &error) {
      std::cout << "syntax error: " << error.what() << " <" << error.position << ">\n";
    } catch (const std::logic_error &error) {
      bool outOfRange = dynamic_cast<const std::out_of_range *>(&error);
      std::cout << (outOfRange ? "out of range: " : "logic error: ") << error.what() << '\n';
    }
  }
}

}  // namespace calculator

namespace {

// A stream buffer that counts lines on their way to another.
class Counting : public std::streambuf {
  std::streambuf *target;
  int overflow(int character) override {
    lines += character == '\n';
    return target->sputc(static_cast<char>(character));
  }

 public:
  int lines = 0;
  explicit Counting(std::streambuf *target) : target(target) {}
};

struct Grouping : std::numpunct<char> {
  char do_thousands_sep() const override { return '\''; }
  std::string do_grouping() const override { return "\3"; }
};

template <typename Container> void show(const char *name, const Container &container) {
  std::cout << name << ':';
  for (auto &element : container) std::cout << ' ' << element;
  std::cout << '\n';
}

// Shortest paths on a grid.
int shortestPath(const std::vector<std::string> &grid) {
  using Place = std::pair<int, int>;
  std::map<Place, int> distances = {{{0, 0}, 0}};
  std::priority_queue<std::tuple<int, Place>, std::vector<std::tuple<int, Place>>, std::greater<>> queue;
  queue.push({0, {0, 0}});
  const Place end(grid.size() - 1, grid[0].size() - 1);
  while (!queue.empty()) {
    auto [distance, place] = queue.top();
    queue.pop();
    if (place == end) return distance;
    for (auto [down, right] : {Place(0, 1), Place(1, 0), Place(0, -1), Place(-1, 0)}) {
      Place next(place.first + down, place.second + right);
      if (next.first < 0 || next.second < 0 || next.first > end.first || next.second > end.second) continue;
      int cost = distance + grid[next.first][next.second] - '0';
      auto [known, isNew] = distances.emplace(next, cost);
      if (!isNew && known->second <= cost) continue;
      known->second = cost;
      queue.push({cost, next});
    }
  }
  return -1;
}

void library() {
  std::mt19937 random(2024);
  std::vector<unsigned> numbers(1000);
  std::generate(numbers.begin(), numbers.end(), [&] { return random() % 1000; });
  std::cout << "sum " << std::accumulate(numbers.begin(), numbers.end(), 0u) << ", distinct "
            << std::unordered_set<unsigned>(numbers.begin(), numbers.end()).size() << '\n';
  std::nth_element(numbers.begin(), numbers.begin() + 500, numbers.end());
  std::cout << "median " << numbers[500] << '\n';
  std::stable_sort(numbers.begin(), numbers.end());
  show("first", std::vector<unsigned>(numbers.begin(), numbers.begin() + 8));

  std::list<std::string> list = {"delta", "alpha", "charlie", "bravo"};
  list.sort();
  list.splice(list.begin(), list, std::prev(list.end()));
  show("list", list);
  std::deque<int> deque;
  for (int i = 0; i < 1000; ++i) i % 2 ? deque.push_front(i) : deque.push_back(i);
  std::cout << "deque " << deque[0] << ' ' << deque[500] << ' ' << deque.back() << '\n';
  std::forward_list<int> forward = {5, 6, 7};
  forward.reverse();
  show("forward", forward);
  std::multiset<std::string, std::greater<>> words;
  std::istringstream text("so much depends upon a red wheel barrow so much");
  std::copy(std::istream_iterator<std::string>(text), {}, std::inserter(words, words.end()));
  show("multiset", words);
  std::cout << "bits " << std::bitset<20>(0xbeef) << ' ' << std::bitset<20>(0xbeef).count() << '\n';
  std::cout << "complex " << std::complex<double>(1, 2) * std::complex<double>(3, -1) << '\n';

  std::optional<int> nothing;
  try {
    std::cout << nothing.value();
  } catch (const std::bad_optional_access &error) {
    std::cout << error.what() << '\n';
  }
  std::variant<int, std::string> either = "text";
  std::cout << std::visit([](auto &value) { return sizeof(value) > sizeof(int); }, either) << '\n';
  try {
    std::get<int>(either);
  } catch (const std::bad_variant_access &) {
    std::cout << "bad variant access\n";
  }
  try {
    std::regex("(unclosed");
  } catch (const std::regex_error &error) {
    std::cout << "regex error " << (error.code() == std::regex_constants::error_paren) << '\n';
  }
  try {
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    file.open("/nowhere/at/all");
  } catch (const std::system_error &) {
    std::cout << "file not opened\n";
  }
  try {
    std::vector<long> tooLarge(static_cast<std::size_t>(-1));
  } catch (const std::length_error &) {
    std::cout << "length error\n";
  }

  const std::regex date(R"((\d+)-(\d+)-(\d+))");
  std::cout << std::regex_replace(std::string("2026-11-23 and 1999-01-02"), date, "$3.$2.$1") << '\n';
  std::ostringstream number;
  number.imbue(std::locale(std::locale::classic(), new Grouping));
  number << 1234567890 << ' ' << std::fixed << std::setprecision(2) << 98765.4321;
  std::cout << number.str() << '\n';
  std::cout << "path " << shortestPath({"1163751742", "1381373672", "2136511328", "3694931569", "7463417111",
                                        "1319128137", "1359912421", "3125421639", "1293138521", "2311944581"})
            << '\n';

  using namespace std::chrono;
  std::cout << duration_cast<minutes>(hours(2) + seconds(125)).count() << " minutes\n";

  auto parent = std::make_shared<std::vector<std::weak_ptr<int>>>();
  auto child = std::shared_ptr<int>(new int(5), [](int *pointer) {
    std::cout << "deleted " << *pointer << '\n';
    delete pointer;
  });
  parent->push_back(child);
  std::cout << child.use_count() << ' ' << *parent->front().lock() << '\n';
  child.reset();
  std::cout << parent->front().expired() << '\n';

  std::wstring wide = L"wide text";
  std::transform(wide.begin(), wide.end(), wide.begin(), [](wchar_t c) { return std::towupper(c); });
  std::cout << std::string(wide.begin(), wide.end()) << '\n';
}

}  // namespace

int main() {
  Counting counting(std::cout.rdbuf());
  std::streambuf *original = std::cout.rdbuf(&counting);
  calculator::session();
  library();
  std::cout.rdbuf(original);
  std::cout << counting.lines << " lines" << std::endl;
  return 3;
}
