internal import Synchronization

/// The names of a session, each stored once, so that comparing two is comparing two addresses.
///
/// A name lives as long as somebody holds it. The table notices names that nobody holds when it has doubled since
/// it last looked, and in ``clearDeadEntries()``; so it is never more than twice as large as what is in use.
/// LLVM's `SymbolStringPool`.
public final class SymbolStringPool: Sendable {
  private struct Table: Sendable {
    var entries: [String: SymbolStringPtr] = [:]
    var sweepAt = 1024

    mutating func sweep() {
      var dead: [String] = []
      // Not `for … in`, which would hold a second reference to all of them.
      var index = entries.values.startIndex
      while index != entries.values.endIndex {
        if entries.values[index].isOnlyReference() { dead.append(entries.values[index].text) }
        entries.values.formIndex(after: &index)
      }
      for text in dead { entries[text] = nil }
      sweepAt = max(1024, entries.count * 2)
    }
  }

  private let table = Mutex(Table())

  public init() {}

  /// The name with this text.
  public func intern(_ text: String) -> SymbolStringPtr {
    table.withLock { table in
      if let known = table.entries[text] { return known }
      if table.entries.count >= table.sweepAt { table.sweep() }
      let new = SymbolStringPtr(text)
      table.entries[text] = new
      return new
    }
  }

  /// Forgets the names which nobody holds.
  public func clearDeadEntries() { table.withLock { $0.sweep() } }

  /// How many names are held.
  public var count: Int {
    table.withLock { table in
      table.sweep()
      return table.entries.count
    }
  }
}

/// A name of a ``SymbolStringPool``. Equal are two that come from the same pool and have the same text.
///
/// LLVM's `SymbolStringPtr`.
public struct SymbolStringPtr: Hashable, Sendable {
  private final class Entry: Sendable {
    let text: String
    init(_ text: String) { self.text = text }
  }

  private var entry: Entry

  fileprivate init(_ text: String) { entry = Entry(text) }

  /// The characters of the name.
  public var text: String { entry.text }

  fileprivate mutating func isOnlyReference() -> Bool { isKnownUniquelyReferenced(&entry) }

  public static func == (left: Self, right: Self) -> Bool { left.entry === right.entry }

  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(entry)) }
}

extension SymbolStringPtr: CustomStringConvertible {
  public var description: String { text }
}
