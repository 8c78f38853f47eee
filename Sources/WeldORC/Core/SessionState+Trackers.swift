internal import WeldBytes
internal import WeldLink

extension SessionState {
  /// Removes what a tracker tracks, and the tracker. A dylib gets another default tracker instead of its own.
  ///
  /// - Parameter cause: why what is being made fails.
  mutating func removeTracker(_ number: Int, because cause: OrcError, _ effects: inout Effects) {
    guard let tracker = trackers[number] else { return }
    let ids = trackedSymbols(number, tracker)
    forget(number, tracker)
    for responsibility in tracker.responsibilities.all {
      responsibilities.update(responsibility) { state in
        guard state.tracker == number, state.status == .owed else { return }
        state.status = .defunct
        state.symbols = []
        state.count = 0
      }
    }
    let unfinished = ids.filter { id in
      guard let entry = symbols[id], !entry.hasFailed else { return false }
      return entry.state != .ready && entry.state != .neverSearched
    }
    if !unfinished.isEmpty { fail(unfinished, cause, &effects) }
    for id in ids {
      guard let entry = symbols[id] else { continue }
      if let removed = units.removeValue(forKey: entry.unit) { effects.others.append(.garbage(removed)) }
      removeSymbol(id)
    }
    change(ResourceChange(number, in: named(tracker.dylib), .remove), &effects)
  }

  private func trackedSymbols(_ number: Int, _ tracker: TrackerState) -> Few<SymbolID> {
    guard let dylib = dylibs[tracker.dylib], dylib.defaultTracker == number else {
      return tracker.symbols.all.filter { symbols[$0]?.tracker == number }
    }
    return Few(dylib.table.values.filter { symbols[$0]?.tracker == number })
  }

  /// Ends a tracker. A dylib gets another default tracker.
  private mutating func forget(_ number: Int, _ tracker: TrackerState) {
    if tracker.pinCount > 0 { pins[number] = tracker.pinCount }
    _ = trackers.removeValue(forKey: number)
    dylibs[tracker.dylib]?.changeTrackers { $0.forgetOne() }
    guard dylibs[tracker.dylib]?.defaultTracker == number else { return }
    let next = makeTracker(of: tracker.dylib)
    dylibs[tracker.dylib]?.defaultTracker = next
  }

  /// `destination` tracks what `source` tracked.
  mutating func transferTracker(_ source: Int, to destination: Int, _ effects: inout Effects) {
    guard source != destination, let tracker = trackers[source] else { return }
    let ids = trackedSymbols(source, tracker)
    forget(source, tracker)
    for id in ids {
      guard let unit = symbols[id]?.unit else { continue }
      symbols.update(id) { $0.tracker = destination }
      units[unit]?.tracker = destination
    }
    track(ids, in: tracker.dylib, destination)
    for responsibility in tracker.responsibilities.all {
      var isMoved = false
      responsibilities.update(responsibility) { state in
        isMoved = state.tracker == source && state.status == .owed
        if isMoved { state.tracker = destination }
      }
      if isMoved { add(responsibility: responsibility, to: destination) }
    }
    // So that a removal of the destination comes after it has got the resources.
    pin(destination)
    change(ResourceChange(source, in: named(tracker.dylib), .transfer(to: destination)), &effects)
  }

  /// Has the resource managers make the change, when nobody is about to add resources.
  private mutating func change(_ change: ResourceChange, _ effects: inout Effects) {
    if pins[change.tracker] == nil {
      effects.others.append(.change(change, managers))
    } else {
      deferredChanges[change.tracker, default: []].append(change)
    }
  }

  /// Notes that `tracker` tracks what a responsibility makes.
  mutating func add(responsibility number: Int, to tracker: Int) {
    var isLong = false
    trackers.update(tracker) { state in
      state.responsibilities.append(number)
      isLong = state.responsibilities.isLong
    }
    guard isLong, let all = trackers[tracker]?.responsibilities.all else { return }
    let left = all.filter { other in
      responsibilities[other]?.tracker == tracker && responsibilities[other]?.status == .owed
    }
    trackers.update(tracker) { $0.responsibilities.keep(left) }
  }

  /// Removes all that the dylib defines.
  mutating func clear(_ dylib: Int, because cause: OrcError, _ effects: inout Effects) {
    let all = (dylibs[dylib]?.trackers.all ?? []).filter { trackers.contains($0) }.sorted {
      (trackers[$0]?.sequence ?? 0) > (trackers[$1]?.sequence ?? 0)
    }
    for number in all { removeTracker(number, because: cause, &effects) }
  }

  /// Removes the dylib and all that it defines; lookups which wait for one of its generators fail.
  mutating func removeDylib(_ number: Int, because cause: OrcError, _ effects: inout Effects) {
    clear(number, because: cause, &effects)
    guard let dylib = dylibs.removeValue(forKey: number) else { return }
    effects.others.append(.garbage(dylib))
    dylibNumbers[dylib.name] = nil
    for tracker in dylib.trackers.all { trackers[tracker] = nil }
    let stranded = lookups.filter { lookup in lookup.value.dylib == number }
    for (lookup, state) in stranded {
      lookups[lookup] = nil
      fail(state.purpose, cause, &effects)
    }
  }

  private mutating func pin(_ tracker: Int) {
    if !trackers.contains(tracker) {
      pins[tracker, default: 0] += 1
    } else {
      trackers.update(tracker) { $0.pinCount += 1 }
    }
  }

  /// The tracker of a responsibility, of which resources are about to be made.
  mutating func pinTracker(of number: Int) throws(OrcError) -> Int {
    let tracker = try place(by: number).tracker
    pin(tracker)
    return tracker
  }

  /// The resources were made: what happened to the tracker in the meantime can be done.
  mutating func unpin(_ tracker: Int, _ effects: inout Effects) {
    guard !trackers.contains(tracker) else { return trackers.update(tracker) { $0.pinCount -= 1 } }
    guard let count = pins[tracker] else { return }
    pins[tracker] = count > 1 ? count - 1 : nil
    guard count == 1, let changes = deferredChanges.removeValue(forKey: tracker) else { return }
    for change in changes { effects.others.append(.change(change, managers)) }
  }

  /// Ends everything.
  mutating func end(_ effects: inout Effects) throws(OrcError) {
    guard isOpen else { throw .sessionClosed }
    isOpen = false
    let all = dylibs.numbers.sorted { (dylibs[$0]?.sequence ?? 0) > (dylibs[$1]?.sequence ?? 0) }
    for dylib in all { removeDylib(dylib, because: .sessionClosed, &effects) }
    for (number, lookup) in lookups {
      lookups[number] = nil
      fail(lookup.purpose, .sessionClosed, &effects)
    }
  }
}
