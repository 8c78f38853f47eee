internal import WeldLink

extension SessionState {
  /// Removes what a tracker tracks, and the tracker. A dylib gets another default tracker instead of its own.
  ///
  /// - Parameter cause: why what is being made fails.
  mutating func removeTracker(_ number: Int, because cause: OrcError, _ effects: inout Effects) {
    guard let tracker = trackers[number] else { return }
    let names = trackedSymbols(number, tracker)
    trackers[number] = nil
    if dylibs[tracker.dylib]?.defaultTracker == number { replaceDefaultTracker(of: tracker.dylib) }
    for responsibility in tracker.responsibilities {
      responsibilities[responsibility]?.status = .defunct
      responsibilities[responsibility]?.symbols = [:]
    }
    let dylibName = dylibs[tracker.dylib]?.name ?? ""
    let keys = names.map { SymbolKey(dylib: tracker.dylib, name: $0) }
    let unfinished = keys.filter { key in
      guard let entry = entry(key), !entry.hasFailed else { return false }
      return entry.state != .ready && entry.state != .neverSearched
    }
    fail(unfinished, cause, &effects)
    for key in keys {
      guard let entry = dylibs[key.dylib]?.symbols.removeValue(forKey: key.name) else { continue }
      if let unit = entry.unit, let removed = units.removeValue(forKey: unit) {
        effects.garbage.append(removed)
      }
      dylibs[key.dylib]?.materializing[key.name] = nil
      if entry.hasFailed { dylibs[key.dylib]?.failures[key.name] = nil }
    }
    effects.dylibNames[tracker.dylib] = dylibName
    change(ResourceChange(number, in: tracker.dylib, .remove), &effects)
  }

  private func trackedSymbols(_ number: Int, _ tracker: TrackerState) -> [SymbolStringPtr] {
    guard let dylib = dylibs[tracker.dylib], dylib.defaultTracker == number else {
      return Array(tracker.symbols)
    }
    return dylib.symbols.filter { $0.value.tracker == number }.map(\.key)
  }

  private mutating func replaceDefaultTracker(of dylib: Int) {
    let number = nextNumber()
    trackers[number] = TrackerState(dylib: dylib)
    dylibs[dylib]?.defaultTracker = number
  }

  /// `destination` tracks what `source` tracked.
  mutating func transferTracker(_ source: Int, to destination: Int, _ effects: inout Effects) {
    guard source != destination, let tracker = trackers[source] else { return }
    let names = trackedSymbols(source, tracker)
    trackers[source] = nil
    if dylibs[tracker.dylib]?.defaultTracker == source { replaceDefaultTracker(of: tracker.dylib) }
    for name in names {
      dylibs[tracker.dylib]?.symbols[name]?.tracker = destination
      if let unit = dylibs[tracker.dylib]?.symbols[name]?.unit { units[unit]?.tracker = destination }
    }
    track(names, in: tracker.dylib, destination)
    for responsibility in tracker.responsibilities {
      responsibilities[responsibility]?.tracker = destination
    }
    trackers[destination]?.responsibilities.formUnion(tracker.responsibilities)
    effects.dylibNames[tracker.dylib] = dylibs[tracker.dylib]?.name
    // So that a removal of the destination comes after it has got the resources.
    pins[destination, default: 0] += 1
    change(ResourceChange(source, in: tracker.dylib, .transfer(to: destination)), &effects)
  }

  /// Has the resource managers make the change, when nobody is about to add resources.
  private mutating func change(_ change: ResourceChange, _ effects: inout Effects) {
    if pins[change.tracker] == nil {
      effects.resourceChanges.append(change)
    } else {
      deferredChanges[change.tracker, default: []].append(change)
    }
  }

  /// Removes all that the dylib defines.
  mutating func clear(_ dylib: Int, because cause: OrcError, _ effects: inout Effects) {
    for number in trackers.filter({ $0.value.dylib == dylib }).keys.sorted(by: >) {
      removeTracker(number, because: cause, &effects)
    }
  }

  /// Removes the dylib and all that it defines; lookups which wait for one of its generators fail.
  mutating func removeDylib(_ number: Int, because cause: OrcError, _ effects: inout Effects) {
    clear(number, because: cause, &effects)
    guard let dylib = dylibs.removeValue(forKey: number) else { return }
    effects.dylibNames[number] = dylib.name
    effects.garbage.append(dylib)
    dylibNumbers[dylib.name] = nil
    trackers[dylib.defaultTracker] = nil
    for other in dylibs.keys { dylibs[other]?.linkOrder.removeAll { $0.dylib == number } }
    let stranded = lookups.filter { lookup in lookup.value.current?.dylib == number }
    for (lookup, state) in stranded {
      lookups[lookup] = nil
      finish(state, .failure(cause), &effects)
    }
  }

  /// The tracker of a responsibility, of which resources are about to be made.
  mutating func pinTracker(of number: Int) throws(OrcError) -> Int {
    let tracker = try owed(by: number).tracker
    pins[tracker, default: 0] += 1
    return tracker
  }

  /// The resources were made: what happened to the tracker in the meantime can be done.
  mutating func unpin(_ tracker: Int, _ effects: inout Effects) {
    guard let count = pins[tracker] else { return }
    pins[tracker] = count > 1 ? count - 1 : nil
    guard count == 1, let changes = deferredChanges.removeValue(forKey: tracker) else { return }
    for change in changes { effects.dylibNames[change.dylib] = dylibs[change.dylib]?.name ?? "" }
    effects.resourceChanges += changes
  }

  /// Ends everything.
  mutating func end(_ effects: inout Effects) throws(OrcError) {
    guard isOpen else { throw .sessionClosed }
    isOpen = false
    for dylib in dylibs.keys.sorted(by: >) { removeDylib(dylib, because: .sessionClosed, &effects) }
    for (number, lookup) in lookups {
      lookups[number] = nil
      finish(lookup, .failure(.sessionClosed), &effects)
    }
  }
}
