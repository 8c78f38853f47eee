/// What is to be done after the lock is released: all that calls the user's code, or releases its objects.
struct Effects: Sendable {
  struct Materialization: Sendable {
    let unit: any MaterializationUnit
    /// Who gets the object, if it is one, and perhaps only takes note of it.
    let collector: (any CollectingObjectLayer)?
    /// Whether the collector only takes note, so that this need not be put off.
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
    case change(ResourceChange)
    case garbage(any Sendable)
  }

  var materializations: [Materialization] = []
  var finishedLookups: [FinishedLookup] = []
  var others: [Other] = []
  /// Who releases and moves resources, if some are to be.
  private(set) var managers: [any ResourceManager] = []

  /// Whether there is nothing to be done.
  var isEmpty: Bool { finishedLookups.isEmpty && materializations.isEmpty && others.isEmpty }

  /// Whether there is nothing to be done but to finish one lookup.
  var isOne: Bool { finishedLookups.count == 1 && materializations.isEmpty && others.isEmpty }

  /// Takes from the state what is needed later, when that may have gone on.
  mutating func note(_ state: SessionState) {
    guard !others.isEmpty else { return }
    let changesResources = others.contains { if case .change = $0 { true } else { false } }
    if changesResources { managers = state.managers.map(\.manager) }
  }
}

struct GenerationSeed: Sendable {
  let number: Int
  let lookup: Int
  let symbols: SymbolLookupSet
  let dylib: NamedDylib
  let dylibFlags: JITDylibLookupFlags
  let kind: LookupKind
}
