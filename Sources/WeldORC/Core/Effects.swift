internal import WeldBytes

/// What is to be done after the lock is released: all that calls the user's code, or releases its objects.
struct Effects: ~Copyable, Sendable {
  struct Materialization: Sendable {
    let unit: UnitState
    /// Whether there is a collector to take note of it, so that this need not be put off.
    var isImmediate = false
    let responsibility: Int
    let dylib: NamedDylib
  }

  struct FinishedLookup: Sendable {
    let completion: Completion
    let result: Result<FoundDefinitions, OrcError>
    var dependencies: [(dylib: NamedDylib, name: SymbolStringPtr)] = []
  }

  /// What is seldom to be done.
  enum Other: Sendable {
    case flags(@Sendable (SymbolFlagsMap) -> Void, SymbolFlagsMap)
    case generation(any DefinitionGenerator, GenerationSeed)
    case discard(any MaterializationUnit, SymbolStringPtr, NamedDylib)
    case report(OrcError)
    /// For the managers that there are when it is due.
    case change(ResourceChange, [any ResourceManager])
    case garbage(any Sendable)
  }

  var materializations = Few<Materialization>()
  var finishedLookups = Few<FinishedLookup>()
  var others: [Other] = []

  /// Whether there is nothing to be done.
  var isEmpty: Bool { finishedLookups.isEmpty && materializations.isEmpty && others.isEmpty }

  /// Whether there is nothing to be done but to finish one lookup.
  var isOne: Bool { finishedLookups.count == 1 && materializations.isEmpty && others.isEmpty }
}

struct GenerationSeed: Sendable {
  let number: Int
  let lookup: Int
  let symbols: SymbolLookupSet
  let dylib: NamedDylib
  let dylibFlags: JITDylibLookupFlags
  let kind: LookupKind
}
