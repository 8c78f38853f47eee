internal import WeldLink
internal import WeldMemory

// What the layer tells the session: where members are, and that they are in memory.
extension ObjectLinkingLayer {
  /// Tells the addresses of what members define.
  func resolve(_ batch: Batch) {
    guard !batch.isResolved else { return }
    batch.isResolved = true
    let left = forEachWhole(of: [batch]) { state, addresses, number, effects in
      state.resolve(inOrder: addresses, by: number, &effects)
    }
    for (_, position) in left where !batch.failed.contains(position) { resolve(position, of: batch) }
  }

  /// Calls `body` with the session's state and the addresses of all that a member defines, or none, all under one lock, for
  /// members of which nothing was taken away.
  ///
  /// - Returns: the others, and those for which `body` returns false.
  private func forEachWhole(
    of batches: [Batch], withAddresses: Bool = true,
    _ body: (
      _ state: inout SessionState, _ addresses: ArraySlice<Address>, _ responsibility: Int,
      _ effects: inout Effects
    ) -> Bool
  ) -> [(batch: Batch, position: Int)] {
    var addresses: [Address] = []
    var whole: [(batch: Int, position: Int, responsibility: Int, end: Int)] = []
    var left: [(batch: Batch, position: Int)] = []
    for (number, batch) in batches.enumerated() {
      var references: [LinkedBatch.SymbolReference] = []
      for (position, member) in batch.members.enumerated() {
        guard member.isWhole else {
          left.append((batch, position))
          continue
        }
        if withAddresses {
          for definition in member.symbols.definitions {
            references.append(LinkedBatch.SymbolReference(object: position, symbol: definition.index))
          }
        }
        whole.append((number, position, member.responsibility.number, addresses.count + references.count))
      }
      if addresses.isEmpty {
        addresses = batch.linked.addresses(of: references)
      } else {
        addresses += batch.linked.addresses(of: references)
      }
    }
    let refused = core.update { state, effects in
      var refused: [(batch: Int, position: Int)] = []
      var first = 0
      for (batch, position, responsibility, end) in whole {
        if !body(&state, addresses[first..<end], responsibility, &effects) {
          refused.append((batch, position))
        }
        first = end
      }
      return refused
    }
    return left + refused.map { (batches[$0.batch], $0.position) }
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
  func emitAll(of batches: [Batch]) {
    let isTold = batches.contains { batch in batch.isResolved || !batch.members.allSatisfy { $0.isWhole } }
    if isTold { for batch in batches { resolve(batch) } }
    let left = forEachWhole(of: batches, withAddresses: !isTold) { state, addresses, number, effects in
      state.complete(inOrder: addresses, by: number, &effects)
    }
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
