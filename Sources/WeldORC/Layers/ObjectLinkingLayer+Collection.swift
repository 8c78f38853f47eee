internal import Synchronization
internal import WeldBytes
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
    /// The number of the tracker of its symbols.
    let tracker: Int

    /// Compares what the object defines with what is owed; `nil` if it defines more, and so has failed.
    init?(_ submission: Submission, _ standing: SessionState.Standing, _ core: SessionCore) {
      self.submission = submission
      searchesOwnDylibFirst = standing.searchesOwnDylibFirst
      tracker = standing.tracker
      let known = submission.pending.symbols
      let symbols = known ?? ObjectSymbols(of: submission.object, names: core.names)
      self.symbols = symbols
      // Plugins may have changed what there is.
      isWhole =
        submission.graph == nil && known != nil && standing.owedCount == symbols.definitions.count
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
    /// Whether it refers to names that it does not define.
    var needsOthers: Bool { !symbols.needs.isEmpty || !overridden.isEmpty }
    var dylib: JITDylib { submission.responsibility.dylib }

    /// Calls `body` with each name that is owed, and where it is defined.
    func forEachOwed(_ body: (SymbolDefinition) -> Void) {
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

  /// Makes members of what was emitted, and lets `plugins` change it; what has definitions that nobody expects fails.
  func members(of submissions: Few<Submission>, _ plugins: [any Plugin]) -> Few<Member> {
    var members = Few<Member>()
    members.reserveCapacity(submissions.count)
    submissions.forEach { submission in
      guard let submission = plugins.isEmpty ? submission : GraphLink.prepare(submission, plugins, core)
      else { return }
      let standing = core.read { $0.standing(of: submission.responsibility) }
      if let member = Member(submission, standing, core) { members.append(member) }
    }
    return members
  }

  /// The objects that will be linked together, while they are being found.
  final class Collection: Sendable {
    private struct State: Sendable {
      var members = Few<Member>()
      /// What the first members owe, and is found by others of their dylib whatever is elsewhere.
      var owned = NameSet()
      /// How many are in ``owned``.
      var ownedCount = 0
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
      /// What the session knows the lookup by.
      let tag = lastTag.add(1, ordering: .relaxed).newValue
      let dylib: JITDylib
      let names: SymbolLookupSet
    }

    private let state: Mutex<State>

    /// Begins with members that need nothing of others.
    init(_ members: Few<Member>) { state = Mutex(State(members: members)) }

    /// Adds members.
    ///
    /// - Returns: what they need, and no member has; to be asked, each.
    func add(_ members: Few<Member>) -> [Question] {
      state.withLock { state in
        state.members.append(contentsOf: members)
        for member in state.members[state.ownedCount...] where member.searchesOwnDylibFirst {
          let dylib = member.dylib.number
          member.forEachOwed { _ = state.owned.insert($0.name, in: dylib) }
        }
        state.ownedCount = state.members.count
        var wanted: [JITDylib: [SymbolLookupSet.Element]] = [:]
        for member in members {
          let dylib = member.dylib.number
          var elements: [SymbolLookupSet.Element] = []
          member.forEachNeed { need in
            if !state.owned.contains(need.name, in: dylib), state.asked.insert(need.name, in: dylib) {
              elements.append(SymbolLookupSet.Element(name: need.name, flags: need.flags))
            }
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
        isInternal: true, tag: question.tag,
        registerDependencies: { [self] unready in
          state.withLock { $0.answers.note(unready: unready, for: dylib) }
        },
        body: { [self] in answer(question, $0, core) })
      core.lookup(
        question.names, in: dylib.linkOrder, kind: .static, purpose: .symbols(.resolved, completion))
    }

    private func answer(
      _ question: Question, _ result: Result<FoundDefinitions, OrcError>, _ core: SessionCore
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

    /// What was collected.
    struct Content: Sendable {
      let members: Few<Member>
      /// What members owe.
      let owned: NameSet
      /// Whether nothing has failed, and what the members need has its address, or will have when they have theirs.
      let isComplete: Bool
      /// Where all is that they need and not owe, if that is known.
      let answers: Answers?
    }

    /// All of it; nothing is added any more.
    func content(_ core: SessionCore) -> Content {
      let (members, owned, hasFailed, outstanding, known) = state.withLock { state in
        (
          state.members, state.owned, state.hasFailed,
          state.outstanding.isEmpty ? [] : Array(state.outstanding.values), state.answers
        )
      }
      guard !hasFailed, !outstanding.isEmpty else {
        return Content(
          members: members, owned: owned, isComplete: !hasFailed, answers: hasFailed ? nil : known)
      }
      let numbers = Set(members.map(\.responsibility.number))
      let (isComplete, answers) = core.read { state -> (Bool, Answers?) in
        var answers: Answers? = known
        for question in outstanding {
          let dylib = question.dylib
          guard let found = state.found(byTag: question.tag) else {
            // It still searches, or is even about to begin.
            answers = nil
            let isResolved = question.names.list.allSatisfy {
              state.isResolved($0.name, for: dylib.number, orBy: numbers)
            }
            guard isResolved else { return (false, nil) }
            continue
          }
          for (name, symbol) in found {
            if symbol.hasFailed { return (false, nil) }
            if symbol.state >= .resolved {
              let definer = state.named(symbol.dylib)
              answers?.add(
                name, symbol.hasAddress ? symbol.evaluated : nil,
                unreadyIn: symbol.state == .ready
                  ? nil : JITDylib(core: core, number: definer.number, name: definer.name),
                for: dylib)
            } else if !numbers.contains(symbol.responsibility) {
              return (false, nil)
            } else if symbol.dylib != dylib.number || !owned.contains(name, in: dylib.number) {
              answers = nil
            }
          }
        }
        return (true, answers)
      }
      return Content(members: members, owned: owned, isComplete: isComplete, answers: answers)
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
      unready.isEmpty
        || unready.values.allSatisfy { names in
          names.allSatisfy { name, definer in owned.contains(name, in: definer.number) }
        }
    }

    mutating func add(_ definitions: FoundDefinitions, for dylib: JITDylib) {
      guard !definitions.isEmpty else { return }
      var map = found.removeValue(forKey: dylib.number) ?? SymbolMap(minimumCapacity: definitions.count)
      for (name, symbol) in definitions where symbol != nil && map[name] == nil { map[name] = symbol }
      found[dylib.number] = map
    }

    mutating func add(
      _ name: SymbolStringPtr, _ symbol: EvaluatedSymbol?, unreadyIn definer: JITDylib?, for dylib: JITDylib
    ) {
      if let symbol { found[dylib.number, default: [:]][name] = symbol }
      if let definer { unready[dylib.number, default: [:]][name] = definer }
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

/// Tells the questions of all collections apart.
private let lastTag = Atomic(0)
