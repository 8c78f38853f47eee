internal import WeldLink

/// Something that can make definitions when they are needed: an object file not yet linked, a function not yet
/// compiled.
///
/// LLVM's `MaterializationUnit`.
public protocol MaterializationUnit: Sendable {
  /// For people who read ``ExecutionSession/dump()``.
  var name: String { get }
  /// What it can define. Read once, when the unit is defined in a dylib.
  var symbols: SymbolFlagsMap { get }
  /// The symbol that stands for its initializers, if it has some; one of ``symbols``.
  var initializerSymbol: SymbolStringPtr? { get }
  /// Makes the definitions that `responsibility` lists, now or later, on any thread. Called at most once.
  func materialize(_ responsibility: MaterializationResponsibility)
  /// Another definition of `name` came before this one, which is not needed any more. `responsibility.symbols`
  /// will not contain it.
  func discard(_ name: SymbolStringPtr, in dylib: JITDylib)
}

extension MaterializationUnit {
  public var initializerSymbol: SymbolStringPtr? { nil }
  public func discard(_ name: SymbolStringPtr, in dylib: JITDylib) {}
}

/// A symbol that a unit can define.
struct SymbolDefinition: Sendable {
  let name: SymbolStringPtr
  let flags: SymbolFlags
  /// The symbol's index in the object, if the unit is one.
  var index = 0
}

/// Definitions at known addresses. LLVM's `AbsoluteSymbolsMaterializationUnit`.
public struct AbsoluteSymbolsMaterializationUnit: MaterializationUnit {
  private let definitions: SymbolMap

  public init(_ definitions: SymbolMap) { self.definitions = definitions }

  public var name: String { "<absolute symbols>" }
  public var symbols: SymbolFlagsMap { definitions.mapValues(\.flags) }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    let owed = responsibility.symbols
    do throws(OrcError) {
      try responsibility.notifyResolved(definitions.filter { owed[$0.key] != nil })
      try responsibility.notifyEmitted()
    } catch {
      responsibility.failMaterialization(error)
    }
  }
}

/// Definitions at known addresses. LLVM's `absoluteSymbols`.
public func absoluteSymbols(_ definitions: SymbolMap) -> AbsoluteSymbolsMaterializationUnit {
  AbsoluteSymbolsMaterializationUnit(definitions)
}
