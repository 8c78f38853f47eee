/// Someone who may define names that a dylib does not define: libraries, archives, a compiler.
///
/// A generator gets one request at a time; others wait for their turn and ask only for what is then still missing.
/// LLVM's `DefinitionGenerator`.
public protocol DefinitionGenerator: Sendable {
  /// Defines what it can of `request.symbols` in `request.dylib`, then answers `request`, now or later, on any
  /// thread. Names that it cannot define are no error.
  func generate(_ request: GenerationRequest)
}

/// A generator that answers at once.
public protocol SynchronousDefinitionGenerator: DefinitionGenerator {
  /// Defines what it can of `request.symbols` in `request.dylib`.
  func define(_ request: GenerationRequest) throws(OrcError)
}

extension SynchronousDefinitionGenerator {
  public func generate(_ request: GenerationRequest) {
    do throws(OrcError) {
      try define(request)
      request.finish()
    } catch {
      request.fail(error)
    }
  }
}

/// A generator made of a closure, which answers at once.
public struct ClosureGenerator: SynchronousDefinitionGenerator {
  private let body: @Sendable (GenerationRequest) throws(OrcError) -> Void

  public init(_ body: @escaping @Sendable (GenerationRequest) throws(OrcError) -> Void) { self.body = body }

  public func define(_ request: GenerationRequest) throws(OrcError) { try body(request) }
}

/// What a lookup asks of a generator; the lookup waits until it is answered. LLVM's `LookupState`.
///
/// Only the first answer counts. If none was given when the last reference goes, the lookup fails with
/// ``OrcError/generationDropped(names:dylib:)``.
public final class GenerationRequest: Sendable {
  /// Where definitions are missing.
  public let dylib: JITDylib
  /// What the lookup sees of the dylib.
  public let dylibFlags: JITDylibLookupFlags
  public let kind: LookupKind
  /// What is missing.
  public let symbols: SymbolLookupSet
  private let lookup: Int
  private let number: Int

  init(
    _ number: Int, of lookup: Int, for symbols: SymbolLookupSet, in dylib: JITDylib,
    dylibFlags: JITDylibLookupFlags, kind: LookupKind
  ) {
    self.number = number
    self.lookup = lookup
    self.symbols = symbols
    self.dylib = dylib
    self.dylibFlags = dylibFlags
    self.kind = kind
  }

  deinit {
    dylib.core.generationEnded(number, of: lookup) {
      .generationDropped(names: symbols.names.map(\.text).sorted(), dylib: dylib.name)
    }
  }

  /// The generator has defined what it can; the lookup goes on.
  public func finish() { dylib.core.generationEnded(number, of: lookup) { nil } }

  /// The lookup fails with `error`.
  public func fail(_ error: OrcError) { dylib.core.generationEnded(number, of: lookup) { error } }
}

/// A generator of a dylib, to remove it with.
public struct GeneratorToken: Hashable, Sendable {
  let number: Int
}
