internal import Synchronization
internal import WeldBytes
internal import WeldLink

extension ObjectLinkingLayer {
  /// Links members of which some need what has failed, or is not there yet: those that have all they need together,
  /// the others each on its own when it has.
  func linkApart(_ members: Few<Member>, owned: NameSet) {
    let lookups = members.map { OwnLookup(of: $0, owned: owned, core) }
    let sound = Self.sound(lookups)
    var answers = Answers()
    var complete = Few<Member>()
    var incomplete: [OwnLookup] = []
    for lookup in sound {
      if let known = lookup.answers {
        answers.merge(known)
        complete.append(lookup.member)
      } else {
        incomplete.append(lookup)
      }
    }
    let batches = layOut(complete)
    let waiting = incomplete.map { ($0, makeBatches([$0.member])) }
    let all = waiting.reduce(into: batches) { all, waiting in all.append(contentsOf: waiting.1) }
    finish(batches, answers, owned: owned, among: all, of: members.count)
    for (lookup, own) in waiting {
      lookup.whenAnswered { [self] result in
        switch result {
        case .success(let answers): finish(own, answers, owned: owned, among: all, of: members.count)
        case .failure(let error): for batch in own { batch.failAll(error) }
        }
      }
    }
  }

  /// Finishes batches whose members have addresses, but not all of what they need: some of them may have failed.
  func finishSound(_ batches: Few<Batch>, owned: NameSet, of memberCount: Int) {
    // Not only of what others have, since each of them may have failed.
    let lookups = batches.map { batch in
      batch.members.indices.filter { !batch.failed.contains($0) }.map { position in
        (position, OwnLookup(of: batch.members[position], owned: NameSet(), core))
      }
    }
    let left = Mutex(lookups.reduce(1) { $0 + $1.count })
    let finish = { @Sendable [self] in
      guard
        left.withLock({ count in
          count -= 1
          return count == 0
        })
      else { return }
      var answers = Answers()
      for (batch, lookups) in zip(batches, lookups) {
        for (position, lookup) in lookups {
          if let known = lookup.answers { answers.merge(known) }
          if let error = lookup.failure { batch.fail(position, error) }
        }
      }
      self.finish(batches, answers, owned: owned, among: batches, of: memberCount)
    }
    for (_, lookup) in lookups.joined() { lookup.whenAnswered { _ in finish() } }
    finish()
  }

  /// Those which have not failed, and need nothing of members that have.
  private static func sound(_ lookups: [OwnLookup]) -> [OwnLookup] {
    var failures: [JITDylib: [SymbolStringPtr: OrcError]] = [:]
    var failed: Set<Int> = []
    var work: [Int] = []
    func fail(_ position: Int, _ error: OrcError) {
      let member = lookups[position].member
      if member.searchesOwnDylibFirst {
        member.forEachOwed { failures[member.dylib, default: [:]][$0.name] = error.firstCause }
      }
      member.fail(error)
      failed.insert(position)
      work.append(position)
    }
    for (position, lookup) in lookups.enumerated() {
      if let error = lookup.failure { fail(position, error) }
    }
    guard !work.isEmpty else { return lookups }
    var users: [JITDylib: [SymbolStringPtr: [Int]]] = [:]
    for (position, lookup) in lookups.enumerated() {
      let member = lookup.member
      member.forEachNeed { users[member.dylib, default: [:]][$0.name, default: []].append(position) }
    }
    while let position = work.popLast() {
      let member = lookups[position].member
      guard member.searchesOwnDylibFirst else { continue }
      var needing: [Int] = []
      member.forEachOwed { needing += users[member.dylib]?[$0.name] ?? [] }
      for user in needing where !failed.contains(user) {
        var causes: [(SymbolStringPtr, OrcError)] = []
        lookups[user].member.forEachNeed { need in
          if let cause = failures[member.dylib]?[need.name] { causes.append((need.name, cause)) }
        }
        guard let cause = causes.first?.1 else { continue }
        let symbols = causes.map { OrcError.Symbol(name: $0.0.text, dylib: member.dylib.name) }
        fail(user, .failedToMaterialize(symbols, cause: cause))
      }
    }
    return lookups.indices.filter { !failed.contains($0) }.map { lookups[$0] }
  }

  /// A lookup of what one member needs of others than the members.
  final class OwnLookup: Sendable {
    private struct State: Sendable {
      var answers = Answers()
      var result: Result<Answers, OrcError>?
      var waiter: (@Sendable (Result<Answers, OrcError>) -> Void)?
    }

    let member: Member
    private let state = Mutex(State())

    init(of member: Member, owned: NameSet, _ core: SessionCore) {
      self.member = member
      let dylib = member.dylib
      var elements: [SymbolLookupSet.Element] = []
      member.forEachNeed { need in
        if !owned.contains(need.name, in: dylib.number) {
          elements.append(SymbolLookupSet.Element(name: need.name, flags: need.flags))
        }
      }
      let completion = Completion(
        isInternal: true,
        registerDependencies: { [self] unready in
          state.withLock { $0.answers.note(unready: unready, for: dylib) }
        },
        body: { [self] result in answer(result, core) })
      core.lookup(
        SymbolLookupSet(elements: elements), in: dylib.linkOrder, kind: .static,
        purpose: .symbols(.resolved, completion))
    }

    private func answer(_ result: Result<FoundDefinitions, OrcError>, _ core: SessionCore) {
      let (answer, waiter) = state.withLock { state in
        let answer = result.map { found in
          state.answers.add(found, for: member.dylib)
          return state.answers
        }
        state.result = answer
        return (answer, state.waiter.take())
      }
      if let waiter { core.dispatchLast { waiter(answer) } }
    }

    var failure: OrcError? {
      guard case .failure(let error) = state.withLock({ $0.result }) else { return nil }
      return error
    }

    var answers: Answers? { state.withLock { try? $0.result?.get() } }

    /// Calls `body` with the answer, at once if it is there.
    func whenAnswered(_ body: @escaping @Sendable (Result<Answers, OrcError>) -> Void) {
      let known = state.withLock { state in
        if state.result == nil { state.waiter = body }
        return state.result
      }
      if let known { body(known) }
    }
  }
}

extension ObjectLinkingLayer.Answers {
  /// Adds what another lookup has found.
  mutating func merge(_ other: Self) {
    found.merge(other.found) { mine, others in mine.merging(others) { first, _ in first } }
    unready.merge(other.unready) { mine, others in mine.merging(others) { first, _ in first } }
  }
}
