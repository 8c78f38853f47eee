internal import Glibc
internal import Synchronization
internal import WeldBytes
public import WeldELF
internal import WeldLink
public import WeldMemory

/// A layer that links objects with Weld's engine, many at a time.
///
/// Objects that are asked for together, and those which they need, are collected and linked as one batch: one
/// allocation, code close together. Each batch is of one dylib and one tracker, so that a tracker's removal gives
/// its memory back. An object that cannot be linked fails alone, with those that depend on it.
///
/// LLVM's `ObjectLinkingLayer`.
public final class ObjectLinkingLayer: ObjectLayer, ResourceManager {
  let core: SessionCore
  private let memory: SharedMemory
  let plugins = PluginList()
  private let state = Mutex(State())

  private struct State: Sendable {
    /// What was emitted and is not collected; there for threads that are about to collect.
    var pending: [Pending] = []
    /// Of linked batches, by tracker.
    var memory = SlabColumn<Few<LinkedMemory>>()
    var sink: (any InitializerSink)?
    var lastKey = 0
  }

  /// What a thread has emitted.
  private struct Pending: Sendable {
    let thread: UInt
    var submissions: Few<Submission>
  }

  /// An object to be linked.
  struct Submission: Sendable {
    let responsibility: MaterializationResponsibility
    let pending: PendingObject
    /// The object as plugins see it, if there are some.
    var graph: GraphLink?

    var object: ObjectFile { pending.object }
  }

  /// A layer of `session`.
  ///
  /// - Parameter memory: where the memory of linked code comes from; by default windows of the session's executor, near
  ///   its libraries, or below 2 GiB for objects that expect to be there.
  /// - Throws: ``OrcError/sessionClosed``.
  public init(_ session: ExecutionSession, memory: (any MemoryManager)? = nil) throws(OrcError) {
    core = session.core
    self.memory = memory.map { SharedMemory($0) } ?? SharedMemory(of: session.executor)
    try session.register(self)
  }

  public func emit(_ responsibility: MaterializationResponsibility, _ object: ObjectFile) {
    emit(responsibility, PendingObject(object))
  }

  func emit(_ responsibility: MaterializationResponsibility, _ object: PendingObject) {
    guard responsibility.dylib.core === core else {
      return responsibility.failMaterialization(.anotherSession(dylib: responsibility.dylib.name))
    }
    let submission = Submission(responsibility: responsibility, pending: object)
    if responsibility.isAlone, linkAlone(submission) { return }
    // Each thread collects what it emits, so that none waits for what another one is about to do.
    let thread = UInt(pthread_self())
    let isFirst = state.withLock { state in
      if let position = state.pending.firstIndex(where: { $0.thread == thread }) {
        state.pending[position].submissions.append(submission)
        return false
      }
      state.pending.append(Pending(thread: thread, submissions: Few(submission)))
      return true
    }
    if isFirst { collect(into: nil, from: thread) }
  }

  /// Links an object at once that needs nothing of others; says whether it is one.
  private func linkAlone(_ submission: Submission) -> Bool {
    // A plugin that comes later has missed it.
    guard submission.pending.symbols?.needs.isEmpty == true, plugins.isEmpty else { return false }
    let members = members(of: Few(submission), [])
    guard !members.contains(where: \.needsOthers) else { return false }
    if !members.isEmpty { link(members, Answers(), owned: NameSet()) }
    return true
  }

  /// Has what `thread` emitted collected after what else this thread has to do, which may emit more.
  ///
  /// - Parameter collection: `nil` as long as none needs anything of others.
  private func collect(into collection: Collection?, from thread: UInt) {
    core.dispatchLast { [self] in
      // A pool may have given it to another thread.
      let this = UInt(pthread_self())
      var collection = collection
      var independent = Few<Member>()
      var new = takePending(of: thread, by: this)
      while !new.isEmpty {
        let members = members(of: new, plugins.current)
        if collection == nil, members.contains(where: \.needsOthers) { collection = Collection(independent) }
        if let collection {
          let questions = collection.add(members)
          guard questions.isEmpty else {
            // What the lookups have made is emitted before it is its turn.
            collect(into: collection, from: this)
            for question in questions { collection.ask(question, core) }
            return
          }
        } else {
          independent.append(contentsOf: members)
        }
        new = takePending(of: this, by: this)
      }
      if let collection {
        link(collection)
      } else {
        link(independent, Answers(), owned: NameSet())
      }
    }
  }

  /// What `thread` has emitted. What `this` thread emits from now on is for the same collection.
  private func takePending(of thread: UInt, by this: UInt) -> Few<Submission> {
    state.withLock { state in
      guard let position = state.pending.firstIndex(where: { $0.thread == thread }) else { return Few() }
      guard !state.pending[position].submissions.isEmpty else {
        state.pending.remove(at: position)
        return Few()
      }
      if thread == this {
        var taken = Few<Submission>()
        swap(&taken, &state.pending[position].submissions)
        return taken
      }
      let taken = state.pending.remove(at: position).submissions
      if !state.pending.contains(where: { $0.thread == this }) {
        state.pending.append(Pending(thread: this, submissions: Few()))
      }
      return taken
    }
  }

  /// Memory for a batch.
  func manager(wantsLowAddresses: Bool) -> any MemoryManager {
    memory.manager(wantsLowAddresses: wantsLowAddresses)
  }

  /// Keeps what was linked until `key` is removed.
  func keep(_ memory: LinkedMemory, under key: ResourceKey) {
    state.withLock { $0.memory.update(key.number, from: Few()) { $0.append(memory) } }
  }

  /// Hands over the initializers of an object; `nil` if it has none.
  func deliver(
    _ initializers: Initializers, of responsibility: MaterializationResponsibility, under key: ResourceKey
  ) -> ObjectKey? {
    guard !initializers.before.isEmpty || !initializers.after.isEmpty else { return nil }
    let (sink, object) = state.withLock { state in
      state.lastKey += 1
      return (state.sink, ObjectKey(number: state.lastKey))
    }
    sink?.add(
      [initializers], for: responsibility.initializerSymbol, as: object, under: key, in: responsibility.dylib)
    return object
  }

  /// The object did not become ready.
  func withdraw(_ object: ObjectKey) { state.withLock { $0.sink }?.remove(object) }

  public func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
    // The memory goes, whatever plugins say.
    defer { release(key) }
    try plugins.notifyRemovingResources(dylib, key)
  }

  private func release(_ key: ResourceKey) {
    // Given back outside of the lock.
    let removed = state.withLock { $0.memory.removeValue(forKey: key.number) }
    _ = removed
  }

  public func transferResources(from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib) {
    plugins.notifyTransferringResources(dylib, to: destination, from: source)
    state.withLock { state in
      guard let moved = state.memory.removeValue(forKey: source.number) else { return }
      state.memory.update(destination.number, from: Few()) { $0.append(contentsOf: moved) }
    }
  }
}

extension ObjectLinkingLayer: CollectingObjectLayer {
  var isCollecting: Bool { true }
}

extension ObjectLinkingLayer: InitializerSource {
  func deliverInitializers(to sink: any InitializerSink) { state.withLock { $0.sink = sink } }
}
