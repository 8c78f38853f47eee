internal import WeldBytes
internal import WeldLink
internal import WeldMemory

// What the layer tells the session: where members are, and that they are in memory.
extension ObjectLinkingLayer {
  /// Tells the addresses of what members define.
  func resolve(_ batch: Batch) {
    guard !batch.isResolved else { return }
    batch.isResolved = true
    let left = tell(.resolved, [batch])
    for (_, position) in left where !batch.failed.contains(position) { resolve(position, of: batch) }
  }

  /// What the session is told of symbols.
  private enum News {
    /// Where they are.
    case resolved
    /// That they are ready, and where they are, unless it knows.
    case ready(isResolved: Bool)
  }

  /// Tells of all that members define, under one lock; of members of which nothing was taken away.
  ///
  /// - Returns: the others.
  private func tell(_ news: News, _ batches: Few<Batch>) -> [(batch: Batch, position: Int)] {
    core.update { state, effects in
      var left: [(batch: Batch, position: Int)] = []
      for batch in batches {
        batch.linked.withAddresses { address in
          for (position, member) in batch.members.enumerated() {
            let definitions = member.symbols.definitions
            let count = if case .ready(isResolved: true) = news { 0 } else { definitions.count }
            let find = { (number: Int) -> Address in
              address(LinkedBatch.SymbolReference(object: position, symbol: definitions[number].index))
            }
            let number = member.responsibility.number
            let isTold =
              switch news {
              case _ where !member.isWhole: false
              case .resolved: state.resolve(first: count, at: find, by: number, &effects)
              case .ready: state.complete(first: count, at: find, by: number, &effects)
              }
            if !isTold { left.append((batch, position)) }
          }
        }
      }
      return left
    }
  }

  /// Tells the addresses of what is still owed of a member's definitions; what was taken away is somebody else's.
  private func resolve(_ position: Int, of batch: Batch) {
    let member = batch.members[position]
    let owed = member.responsibility.symbols
    var addresses: SymbolMap = [:]
    member.forEachOwed { definition in
      guard owed[definition.name] != nil else { return }
      addresses[definition.name] = EvaluatedSymbol(
        address: batch.address(definition, of: position), flags: definition.flags)
    }
    do throws(OrcError) {
      try member.responsibility.notifyResolved(addresses)
      member.submission.graph?.notifyLoaded()
    } catch {
      batch.fail(position, error)
    }
  }

  /// Says that members are in memory, and where, and that all that they need is ready, or is with them: all at once, since one
  /// who waits for some may ask for others. No plugin sees any of them.
  func emitAll(of batches: Few<Batch>) {
    let isTold = batches.contains { batch in batch.isResolved || !batch.members.allSatisfy { $0.isWhole } }
    if isTold { for batch in batches { resolve(batch) } }
    let left = tell(.ready(isResolved: isTold), batches)
    for (batch, position) in left where !batch.failed.contains(position) {
      if !isTold { resolve(position, of: batch) }
      if !batch.failed.contains(position) { emit(position, of: batch, nil, owned: NameSet()) }
    }
  }

  /// Says that a member is in memory.
  ///
  /// - Parameter answers: what it needs and may not be ready; `nil` if all of that is, or is with it.
  func emit(_ position: Int, of batch: Batch, _ answers: Answers?, owned: NameSet) {
    let member = batch.members[position]
    do throws(OrcError) {
      try member.submission.graph?.notifyEmitted()
      try member.responsibility.notifyEmitted(answers.map { groups(of: member, $0, owned: owned) } ?? [])
    } catch {
      member.fail(error)
      if let key = batch.initializers[position] { withdraw(key) }
    }
  }

  private func groups(
    of member: Member, _ answers: Answers, owned: NameSet
  ) -> [SymbolDependenceGroup] {
    var dependencies: SymbolDependenceMap = [:]
    member.forEachNeed { need in
      if owned.contains(need.name, in: member.dylib.number) {
        dependencies[member.dylib, default: []].insert(need.name)
      } else if let definer = answers.unreadyDefiner(of: need.name, for: member.dylib) {
        dependencies[definer, default: []].insert(need.name)
      }
    }
    guard !dependencies.isEmpty else { return [] }
    return [SymbolDependenceGroup(Set(member.responsibility.symbols.keys), dependOn: dependencies)]
  }
}
