internal import Synchronization
internal import WeldLink

extension ObjectLinkingLayer {
  /// An object that is to be linked, and what is known of it.
  final class Member: Sendable {
    let submission: Submission
    /// The names of the object.
    let symbols: ObjectSymbols
    /// Whether all that it defines is owed.
    let isWhole: Bool
    /// The positions in ``symbols`` of definitions that stand back behind others.
    let overridden: Set<Int>
    /// Whether what it needs is searched in its own dylib first, and so is what other members of that have.
    let searchesOwnDylibFirst: Bool

    /// Compares what the object defines with what is owed; `nil` if it defines more, and so has failed.
    init?(_ submission: Submission, _ core: SessionCore) {
      self.submission = submission
      let dylibNumber = submission.responsibility.dylib.number
      searchesOwnDylibFirst = core.read { state in
        guard let first = state.dylibs[dylibNumber]?.linkOrder.first else { return true }
        return first.dylib == dylibNumber && first.flags == .matchAllSymbols
      }
      let symbols = submission.symbols ?? ObjectSymbols(of: submission.object, names: core.names)
      self.symbols = symbols
      // Plugins may have changed what there is.
      isWhole =
        submission.graph == nil && submission.symbols != nil
        && submission.responsibility.owesAll(of: symbols)
      guard !isWhole else {
        overridden = []
        return
      }
      let owed = submission.responsibility.symbols
      let overridden = Set(symbols.definitions.indices.filter { owed[symbols.definitions[$0].name] == nil })
      self.overridden = overridden
      let unexpected = overridden.map { symbols.definitions[$0] }.filter {
        $0.flags.isDisjoint(with: [.weak, .common])
      }
      guard !unexpected.isEmpty else { return }
      let dylib = submission.responsibility.dylib.name
      fail(
        OrcError.unexpectedDefinitions(
          unexpected.map { OrcError.Symbol(name: $0.name.text, dylib: dylib) }))
      return nil
    }

    var responsibility: MaterializationResponsibility { submission.responsibility }
    var dylib: JITDylib { submission.responsibility.dylib }

    /// Calls `body` with each name that is owed, and where it is defined.
    func forEachOwed(_ body: (ObjectSymbols.Definition) -> Void) {
      for (position, definition) in symbols.definitions.enumerated() where !overridden.contains(position) {
        body(definition)
      }
    }

    /// Calls `body` with each name that the object refers to.
    func forEachNeed(_ body: (ObjectSymbols.Need) -> Void) {
      for need in symbols.needs { body(need) }
      for position in overridden {
        body(ObjectSymbols.Need(name: symbols.definitions[position].name, flags: .required))
      }
    }
  }

  /// The objects that will be linked together, while they are being found.
  final class Collection: Sendable {
    private struct State: Sendable {
      var members: [Member] = []
      /// What the members owe, and is found by others of their dylib whatever is elsewhere.
      var owned = NameSet()
      var asked = NameSet()
      var answers = Answers()
      /// Lookups without an answer, by number.
      var outstanding: [Int: Question] = [:]
      var lastQuestion = 0
      var hasFailed = false
      /// What is done when there is an answer to all of them.
      var waiter: (@Sendable (Answers?) -> Void)?
    }

    /// What members of a dylib need, and no member has.
    struct Question: Sendable {
      let number: Int
      let dylib: JITDylib
      let names: SymbolLookupSet
    }

    private let state = Mutex(State())

    /// Adds objects. Those with definitions that nobody expects fail.
    ///
    /// - Returns: what they need, and no member has; to be asked, each.
    func add(_ submissions: [Submission], _ core: SessionCore) -> [Question] {
      let members = submissions.compactMap { Member($0, core) }
      return state.withLock { state in
        for member in members where member.searchesOwnDylibFirst {
          let dylib = member.dylib.number
          member.forEachOwed { _ = state.owned.insert($0.name, in: dylib) }
        }
        state.members += members
        var wanted: [JITDylib: [SymbolLookupSet.Element]] = [:]
        for member in members {
          let dylib = member.dylib.number
          var elements: [SymbolLookupSet.Element] = []
          member.forEachNeed { need in
            guard !state.owned.contains(need.name, in: dylib), state.asked.insert(need.name, in: dylib)
            else { return }
            elements.append(SymbolLookupSet.Element(name: need.name, flags: need.flags))
          }
          if !elements.isEmpty { wanted[member.dylib, default: []] += elements }
        }
        return wanted.map { dylib, elements in
          state.lastQuestion += 1
          let question = Question(
            number: state.lastQuestion, dylib: dylib, names: SymbolLookupSet(elements: elements))
          state.outstanding[question.number] = question
          return question
        }
      }
    }

    /// Looks up what is needed, which may make more objects be emitted.
    func ask(_ question: Question, _ core: SessionCore) {
      let dylib = question.dylib
      let completion = Completion(
        isInternal: true,
        registerDependencies: { [self] unready in
          state.withLock { $0.answers.note(unready: unready, for: dylib) }
        },
        body: { [self] in answer(question, $0, core) })
      core.lookup(
        question.names, in: dylib.linkOrder, kind: .static, purpose: .symbols(.resolved, completion))
    }

    private func answer(
      _ question: Question, _ result: Result<SymbolMap, OrcError>, _ core: SessionCore
    ) {
      let (waiter, answers) = state.withLock { state in
        state.outstanding[question.number] = nil
        switch result {
        case .success(let found): state.answers.add(found, for: question.dylib)
        case .failure: state.hasFailed = true
        }
        return (state.outstanding.isEmpty ? state.waiter.take() : nil, state.hasFailed ? nil : state.answers)
      }
      if let waiter { core.dispatchLast { waiter(answers) } }
    }

    var members: [Member] { state.withLock { $0.members } }
    var owned: NameSet { state.withLock { $0.owned } }

    /// Whether nothing has failed, and what the members need has its address, or will have when they have theirs.
    func isComplete(_ core: SessionCore) -> Bool {
      let (hasFailed, outstanding, members) = state.withLock { state in
        (state.hasFailed, Array(state.outstanding.values), state.members)
      }
      guard !hasFailed, !outstanding.isEmpty else { return !hasFailed }
      let numbers = Set(members.map(\.responsibility.number))
      return core.read { state in
        outstanding.allSatisfy { question in
          question.names.elements.allSatisfy { element in
            state.isResolved(element.name, for: question.dylib.number, orBy: numbers)
          }
        }
      }
    }

    /// Calls `body` when all that was asked is answered, at once if it is; with `nil` if something has failed.
    func whenAnswered(_ body: @escaping @Sendable (Answers?) -> Void) {
      let (isAnswered, answers) = state.withLock { state in
        if !state.outstanding.isEmpty { state.waiter = body }
        return (state.outstanding.isEmpty, state.hasFailed ? nil : state.answers)
      }
      if isAnswered { body(answers) }
    }
  }

  /// Where things are that members need, and which of them are not ready.
  struct Answers: Sendable {
    /// By the dylib of those who look, which determines where they look.
    var found: [Int: SymbolMap] = [:]
    var unready: [Int: [SymbolStringPtr: JITDylib]] = [:]

    /// Whether all is ready but what `owned` are.
    func isAllReady(but owned: NameSet) -> Bool {
      unready.values.allSatisfy { names in
        names.allSatisfy { name, definer in owned.contains(name, in: definer.number) }
      }
    }

    mutating func add(_ symbols: SymbolMap, for dylib: JITDylib) {
      found[dylib.number, default: [:]].merge(symbols) { first, _ in first }
    }

    mutating func note(unready dependencies: SymbolDependenceMap, for dylib: JITDylib) {
      for (definer, names) in dependencies {
        for name in names { unready[dylib.number, default: [:]][name] = definer }
      }
    }

    /// Forgets what is ready by now.
    mutating func forgetReady(_ core: SessionCore) {
      guard !unready.isEmpty else { return }
      unready = core.read { state in
        unready.compactMapValues { names in
          let left = names.filter { name, definer in
            state.find(name, in: definer.number).flatMap { state.symbols[$0]?.state } != .ready
          }
          return left.isEmpty ? nil : left
        }
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
