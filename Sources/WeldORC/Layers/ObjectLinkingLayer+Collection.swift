internal import Synchronization
internal import WeldLink

extension ObjectLinkingLayer {
  /// An object that is to be linked, and what is known of it.
  struct Member: Sendable {
    let submission: Submission
    /// What is owed of it.
    let definitions: [ObjectSymbols.Definition]
    /// The indices of its definitions that stand back behind others.
    let overridden: [Int]
    /// What it refers to, those included.
    let needs: [ObjectSymbols.Need]

    var responsibility: MaterializationResponsibility { submission.responsibility }
    var dylib: JITDylib { submission.responsibility.dylib }
  }

  /// The objects that will be linked together, while they are being found.
  final class Collection: Sendable {
    private struct State: Sendable {
      var members: [Member] = []
      /// What the members owe.
      var owned: Set<SymbolKey> = []
      var asked: Set<SymbolKey> = []
      var answers = Answers()
      /// Lookups without an answer.
      var outstandingCount = 0
      var hasFailed = false
    }

    private let state = Mutex(State())

    /// Adds objects. Those with definitions that nobody expects fail.
    ///
    /// - Returns: what they need, and no member has.
    func add(_ submissions: [Submission], _ core: SessionCore) -> [(JITDylib, SymbolLookupSet)] {
      let members = submissions.compactMap { Member($0, core) }
      return state.withLock { state in
        for member in members {
          for definition in member.definitions {
            state.owned.insert(SymbolKey(dylib: member.dylib.number, name: definition.name))
          }
        }
        state.members += members
        var wanted: [JITDylib: [SymbolLookupSet.Element]] = [:]
        for member in members {
          var elements: [SymbolLookupSet.Element] = []
          for need in member.needs {
            let key = SymbolKey(dylib: member.dylib.number, name: need.name)
            guard !state.owned.contains(key), state.asked.insert(key).inserted else { continue }
            elements.append(SymbolLookupSet.Element(name: need.name, flags: need.flags))
          }
          if !elements.isEmpty { wanted[member.dylib, default: []] += elements }
        }
        state.outstandingCount += wanted.count
        return wanted.map { ($0.key, SymbolLookupSet(elements: $0.value)) }
      }
    }

    /// Looks up what members of `dylib` need, which may make more objects be emitted.
    func look(up names: SymbolLookupSet, of dylib: JITDylib, _ core: SessionCore) {
      let completion = Completion(
        isInternal: true,
        registerDependencies: { [self] unready in
          state.withLock { $0.answers.note(unready: unready, for: dylib) }
        },
        body: { [self] result in
          state.withLock { state in
            state.outstandingCount -= 1
            switch result {
            case .success(let found): state.answers.add(found, for: dylib)
            case .failure: state.hasFailed = true
            }
          }
        })
      core.lookup(names, in: dylib.linkOrder, kind: .static, purpose: .symbols(.resolved, completion))
    }

    /// The members, and what they need if all of it is known.
    func close() -> (members: [Member], answers: Answers?) {
      state.withLock { state in
        (state.members, state.outstandingCount == 0 && !state.hasFailed ? state.answers : nil)
      }
    }
  }

  /// Where things are that members need, and which of them are not ready.
  struct Answers: Sendable {
    /// By the dylib of those who look, which determines where they look.
    var found: [Int: SymbolMap] = [:]
    var unready: [Int: [SymbolStringPtr: JITDylib]] = [:]

    var isAllReady: Bool { unready.isEmpty }

    mutating func add(_ symbols: SymbolMap, for dylib: JITDylib) {
      found[dylib.number, default: [:]].merge(symbols) { first, _ in first }
    }

    mutating func note(unready dependencies: SymbolDependenceMap, for dylib: JITDylib) {
      for (definer, names) in dependencies {
        for name in names { unready[dylib.number, default: [:]][name] = definer }
      }
    }

    func symbol(_ name: SymbolStringPtr, for dylib: JITDylib) -> EvaluatedSymbol? {
      found[dylib.number]?[name]
    }

    /// The dylib that defines the name, if that is not ready.
    func unreadyDefiner(of name: SymbolStringPtr, for dylib: JITDylib) -> JITDylib? {
      unready[dylib.number]?[name]
    }
  }
}

extension ObjectLinkingLayer.Member {
  /// Compares what the object defines with what is owed; `nil` if it defines more, and so has failed.
  init?(_ submission: ObjectLinkingLayer.Submission, _ core: SessionCore) {
    let symbols = ObjectSymbols(of: submission.object, names: core.names)
    let owed = submission.responsibility.symbols
    self.submission = submission
    guard symbols.definitions.contains(where: { owed[$0.name] == nil }) else {
      definitions = symbols.definitions
      overridden = []
      needs = symbols.needs
      return
    }
    let others = symbols.definitions.filter { owed[$0.name] == nil }
    let unexpected = others.filter { $0.flags.isDisjoint(with: [.weak, .common]) }
    guard unexpected.isEmpty else {
      let dylib = submission.responsibility.dylib.name
      submission.responsibility.failMaterialization(
        OrcError.unexpectedDefinitions(
          unexpected.map { OrcError.Symbol(name: $0.name.text, dylib: dylib) }))
      return nil
    }
    definitions = symbols.definitions.filter { owed[$0.name] != nil }
    overridden = others.map(\.index)
    needs = symbols.needs + others.map { ObjectSymbols.Need(name: $0.name, flags: .required) }
  }
}
