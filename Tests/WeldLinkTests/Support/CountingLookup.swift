import Synchronization
import WeldLink
import WeldMemory

/// Finds everything at one place, and keeps what it was asked for.
final class CountingLookup: SymbolLookup {
  private let asked = Mutex<[[String]]>([])

  /// The names of each call.
  var questions: [[String]] { asked.withLock { $0 } }

  func lookup(_ names: [String]) -> [ResolvedSymbol?] {
    asked.withLock { $0.append(names) }
    return names.map { _ in ResolvedSymbol(address: Address(rawValue: 0x20_0000)) }
  }
}
