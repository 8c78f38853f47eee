internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

extension ObjectLinkingLayer {
  /// Links what was collected: together what can be, and what waits for something each on its own, so that nothing
  /// waits that need not.
  func link(_ collection: Collection) {
    let content = collection.content(core)
    let (members, owned) = (content.members, content.owned)
    guard content.isComplete else { return linkApart(members, owned: owned) }
    if let answers = content.answers { return link(members, answers, owned: owned) }
    let batches = layOut(members)
    collection.whenAnswered { [self] answers in
      if let answers {
        finish(batches, answers, owned: owned, among: batches, of: members.count)
      } else {
        finishSound(batches, owned: owned, of: members.count)
      }
    }
  }

  /// Links members all of whose needs are known.
  func link(_ members: Few<Member>, _ answers: Answers, owned: NameSet) {
    // Nobody but plugins needs the addresses before all is done.
    let batches = layOut(members, tellsAddresses: members.contains { $0.submission.graph != nil })
    finish(batches, answers, owned: owned, among: batches, of: members.count)
  }

  // MARK: - Batches

  /// A batch of members, all of one dylib and tracker.
  ///
  /// Unchecked: one thread has it after the other. Who collects lays it out; who gets the last answer writes it.
  final class Batch: @unchecked Sendable {
    let members: Few<Member>
    let linked: LinkedBatch
    /// The positions of members that have failed.
    private(set) var failed: Set<Int> = []
    /// What initializers were handed over as, by the positions of members.
    var initializers: [Int: ObjectKey] = [:]
    /// Whether plugins see members, and so may refuse them until they are emitted.
    let hasGraphs: Bool
    /// Whether the addresses of what members define were told.
    var isResolved = false
    /// Whether it is in memory, and nothing but what is ready.
    var isWritten = false

    init(_ members: Few<Member>, _ linked: LinkedBatch) {
      self.members = members
      self.linked = linked
      hasGraphs = members.contains { $0.submission.graph != nil }
    }

    /// The member fails, and is left out from now on.
    func fail(_ position: Int, _ error: OrcError) {
      members[position].fail(error)
      // Out of it while it grows: access to it takes longer if it may be changed in more than one step.
      var all: Set<Int> = []
      swap(&all, &failed)
      all.insert(position)
      swap(&all, &failed)
    }

    /// Where the batch has a definition of a member.
    func address(_ definition: SymbolDefinition, of position: Int) -> Address {
      linked.address(of: LinkedBatch.SymbolReference(object: position, symbol: definition.index))
    }

    func failAll(_ error: OrcError) {
      for position in members.indices where !failed.contains(position) { fail(position, error) }
    }
  }

  /// Gives members memory and addresses, and tells the addresses, unless ``finish(_:_:owned:among:of:)`` is to do that.
  func layOut(_ members: Few<Member>, tellsAddresses: Bool = true) -> Few<Batch> {
    guard let first = members.first else { return [] }
    // Mostly all are alike.
    if members.allSatisfy({ $0.searchesOwnDylibFirst && $0.tracker == first.tracker }) {
      return makeBatches(members, tellsAddresses: tellsAddresses)
    }
    var groups: [Int: Few<Member>] = [:]
    // In a batch, definitions of other members come first.
    for member in members where member.searchesOwnDylibFirst {
      groups[member.tracker, default: []].append(member)
    }
    let apart = members.filter { !$0.searchesOwnDylibFirst }
    let together = groups.values.flatMap { makeBatches($0, tellsAddresses: tellsAddresses) }
    return Few(together + apart.flatMap { makeBatches([$0], tellsAddresses: tellsAddresses) })
  }

  /// One batch; where one member spoils it, a batch for each.
  func makeBatches(_ members: Few<Member>, tellsAddresses: Bool = true) -> Few<Batch> {
    let overridden = overridden(in: members)
    let linked: LinkedBatch
    do throws(LinkError) {
      linked = try LinkedBatch(
        linking: members.map { $0.submission.object }, knownNames: knownNames(of: members),
        overridden: overridden
      ) { (isLow) throws(LinkError) in manager(wantsLowAddresses: isLow)
      }
    } catch {
      guard members.count > 1 else {
        members[0].fail(OrcError.link(error))
        return []
      }
      return Few(members.flatMap { makeBatches([$0], tellsAddresses: tellsAddresses) })
    }
    let batch = Batch(members, linked)
    batch.noteAllocation()
    if tellsAddresses { resolve(batch) }
    return [batch]
  }

  private func knownNames(of members: Few<Member>) -> [[KnownName]] {
    guard members.contains(where: { !$0.symbols.known.isEmpty }) else { return [] }
    return members.map { $0.symbols.known }
  }

  /// The definitions that stand back behind others. Common symbols of a batch need not: they become one, as large as
  /// the largest.
  private func overridden(in members: Few<Member>) -> Set<LinkedBatch.SymbolReference> {
    guard members.contains(where: { !$0.overridden.isEmpty }) else { return [] }
    var owed = NameSet()
    for member in members {
      member.forEachOwed {
        if $0.flags.contains(.common) { _ = owed.insert($0.name, in: member.dylib.number) }
      }
    }
    var overridden: Set<LinkedBatch.SymbolReference> = []
    for (position, member) in members.enumerated() {
      for definition in member.overridden.map({ member.symbols.definitions[$0] }) {
        if definition.flags.contains(.common), owed.contains(definition.name, in: member.dylib.number) {
          continue
        }
        overridden.insert(LinkedBatch.SymbolReference(object: position, symbol: definition.index))
      }
    }
    return overridden
  }

  // MARK: - Bytes

  /// Writes and emits batches all of whose needs have addresses.
  ///
  /// - Parameters:
  ///   - all: the batches of all members that have not failed.
  ///   - memberCount: how many there were.
  func finish(
    _ batches: Few<Batch>, _ answers: Answers, owned: NameSet, among all: Few<Batch>, of memberCount: Int
  ) {
    let isSound =
      all.allSatisfy { $0.failed.isEmpty } && all.reduce(0) { $0 + $1.members.count } == memberCount
    if !isSound {
      for batch in batches { resolve(batch) }
      failUsersOfFailed(in: batches, owned: owned)
    }
    for batch in batches { batch.isWritten = write(batch, answers, all) }
    let written = batches.allSatisfy(\.isWritten) ? batches : batches.filter(\.isWritten)
    var answers = answers
    answers.forgetReady(core)
    // Else what is linked with it may fail, or not be ready. Plugins may yet refuse what is in memory.
    let isPlain =
      isSound && answers.isAllReady(but: owned) && written.count == all.count
      && all.allSatisfy { $0.failed.isEmpty && !$0.hasGraphs }
    if isPlain { return emitAll(of: written) }
    for batch in written {
      resolve(batch)
      for position in batch.members.indices where !batch.failed.contains(position) {
        emit(position, of: batch, answers, owned: owned)
      }
    }
  }

  /// Members that need what other members owed, and which has failed, fail with its cause.
  private func failUsersOfFailed(in batches: Few<Batch>, owned: NameSet) {
    var users: [JITDylib: [SymbolStringPtr: [(batch: Batch, position: Int)]]] = [:]
    var work: [Member] = []
    func check(_ position: Int, of batch: Batch) {
      guard !batch.failed.contains(position) else { return }
      let member = batch.members[position]
      var names: [SymbolStringPtr] = []
      member.forEachNeed { if owned.contains($0.name, in: member.dylib.number) { names.append($0.name) } }
      guard let error = core.read({ $0.failure(ofNames: names, in: member.dylib.number) }) else { return }
      batch.fail(position, error)
      work.append(member)
    }
    for batch in batches {
      for (position, member) in batch.members.enumerated() {
        member.forEachNeed { need in
          users[member.dylib, default: [:]][need.name, default: []].append((batch, position))
        }
      }
    }
    for batch in batches {
      for position in batch.members.indices { check(position, of: batch) }
    }
    while let member = work.popLast() {
      var needing: [(batch: Batch, position: Int)] = []
      member.forEachOwed { needing += users[member.dylib]?[$0.name] ?? [] }
      for (batch, position) in needing { check(position, of: batch) }
    }
  }

  /// Relocates and finalizes a batch; false if nothing of it is left.
  private func write(_ batch: Batch, _ answers: Answers, _ batches: Few<Batch>) -> Bool {
    let dylib = batch.members[0].dylib
    var others: [SymbolStringPtr: ResolvedSymbol]?
    batch.prepareFixups { find($0, answers, for: dylib, in: batches, &others) }
    while batch.failed.count < batch.members.count {
      do throws(LinkError) {
        try batch.linked.apply(skipping: batch.failed) { find($0, answers, for: dylib, in: batches, &others) }
        break
      } catch {
        guard failGuilty(of: batch, error) else { return false }
      }
    }
    batch.noteFixups()
    guard let first = batch.members.indices.first(where: { !batch.failed.contains($0) }) else { return false }
    do throws(LinkError) {
      try batch.linked.finalizeRegisteringFrames()
    } catch {
      batch.failAll(.link(error))
      return false
    }
    guard let memory = batch.linked.takeMemory() else { return false }
    do throws(OrcError) {
      let responsibility = batch.members[first].responsibility
      guard batch.linked.hasInitializers else {
        try core.withTracker(of: responsibility) { keep(memory, under: $0) }
        return true
      }
      try responsibility.withResourceKeyDo { key in
        keep(memory, under: key)
        for (position, member) in batch.members.enumerated() where !batch.failed.contains(position) {
          let initializers = batch.linked.initializers(ofObject: position)
          batch.initializers[position] = deliver(initializers, of: member.responsibility, under: key)
        }
      }
    } catch {
      batch.failAll(error)
      return false
    }
    return true
  }

  /// The member whose object could not be relocated fails; or all, if it is nobody's, which is what false says.
  ///
  /// Not in its place, where its access to what failed would be checked before there is an error.
  @inline(never)
  private func failGuilty(of batch: Batch, _ error: LinkError) -> Bool {
    guard let guilty = batch.linked.failedObject, guilty < batch.members.count else {
      batch.failAll(.link(error))
      return false
    }
    batch.fail(guilty, .link(error))
    return true
  }

  /// What a batch needs: among the answers, or defined by the batches, whose `addresses` are found when they are first asked
  /// for.
  private func find(
    _ name: String, _ answers: Answers, for dylib: JITDylib, in batches: Few<Batch>,
    _ addresses: inout [SymbolStringPtr: ResolvedSymbol]?
  ) -> ResolvedSymbol? {
    let name = core.names.intern(name)
    if let found = answers.symbol(name, for: dylib) {
      return ResolvedSymbol(address: found.address, isFunction: found.flags.contains(.callable))
    }
    if addresses == nil { addresses = self.addresses(in: batches, of: dylib) }
    return addresses?[name]
  }

  /// What batches define in `dylib`.
  private func addresses(in batches: Few<Batch>, of dylib: JITDylib) -> [SymbolStringPtr: ResolvedSymbol] {
    var found: [SymbolStringPtr: ResolvedSymbol] = [:]
    for batch in batches where batch.members[0].dylib == dylib {
      for (position, member) in batch.members.enumerated() {
        member.forEachOwed { definition in
          found[definition.name] = ResolvedSymbol(
            address: batch.address(definition, of: position),
            isFunction: definition.flags.contains(.callable))
        }
      }
    }
    return found
  }
}
