internal import WeldBytes

/// Numbers of things some of which may be gone: that is counted, and they are left out once they are most.
///
/// Cheaper than a set where numbers are seldom looked through.
struct LooseNumbers: Sendable {
  private(set) var all = Few<Int>()
  /// How many of them are not gone.
  private(set) var count = 0

  /// Whether most are gone, so that whoever adds some should ``keep(_:)`` the others.
  var isLong: Bool { all.count > 2 * count + 64 }

  mutating func append(_ number: Int) {
    all.append(number)
    count += 1
  }

  mutating func append(contentsOf numbers: some Collection<Int>) {
    for number in numbers { all.append(number) }
    count += numbers.count
  }

  /// Notes that one is gone.
  mutating func forgetOne() {
    guard count > 0 else { return }
    count -= 1
    if count == 0 { all.removeAll(keepingCapacity: true) }
  }

  /// Leaves out what is gone.
  mutating func keep(_ numbers: Few<Int>) { all = numbers }
}
