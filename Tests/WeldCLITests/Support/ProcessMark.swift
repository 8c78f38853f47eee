import Foundation

/// Processes that hold a mark in their environment, which children inherit.
struct ProcessMark {
  let environment: [String: String]
  private let entry: String

  init() {
    let value = UUID().uuidString
    environment = ["WELD_TEST_MARK": value]
    entry = "WELD_TEST_MARK=\(value)"
  }

  /// The names of the processes that there are now.
  func processes() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap {
      number in
      // A process may end in between.
      guard let environment = FileManager.default.contents(atPath: "/proc/\(number)/environ"),
        environment.split(separator: 0).contains(where: { String(decoding: $0, as: UTF8.self) == entry })
      else { return nil }
      let name = try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8)
      return name?.trimmingCharacters(in: .newlines) ?? number
    }
  }
}
