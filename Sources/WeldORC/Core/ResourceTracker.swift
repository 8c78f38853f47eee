/// What resource managers keep the resources of a tracker under. LLVM's `ResourceKey`.
public struct ResourceKey: Hashable, Sendable {
  let number: Int
}

/// Someone who owns what belongs to linked code: memory, unwind tables, entries of debuggers.
///
/// LLVM's `ResourceManager`. The methods are called without any lock of the session.
public protocol ResourceManager: AnyObject, Sendable {
  /// Releases everything under `key`.
  func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError)
  /// Puts everything under `source` under `destination`, where there may be something.
  func transferResources(from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib)
}

/// A part of a dylib that can be removed on its own.
///
/// When the last reference to a tracker that was not removed goes, what it tracked moves to the dylib's default
/// tracker. LLVM's `ResourceTracker`.
public final class ResourceTracker: Sendable {
  public let dylib: JITDylib
  let number: Int
  private let isDefault: Bool

  init(_ number: Int, of dylib: JITDylib, isDefault: Bool) {
    self.number = number
    self.dylib = dylib
    self.isDefault = isDefault
  }

  deinit { if !isDefault { dylib.core.trackerDropped(number) } }

  /// What resource managers know it as.
  public var key: ResourceKey { ResourceKey(number: number) }

  /// Whether it was removed or transferred.
  public var isDefunct: Bool { dylib.core.read { !$0.trackers.contains(number) } }

  /// Removes all that it tracks: definitions which were not asked for are dropped; of those being made the lookups
  /// fail, and their materializers learn of it when they next notify; of the others the resources are released.
  /// Whether something still refers to them is not checked.
  ///
  /// Resources of a tracker in whose ``MaterializationResponsibility/withResourceKeyDo(_:)`` someone is are
  /// released when that ends.
  ///
  /// - Throws: ``OrcError/resourceTrackerDefunct(dylib:)``, or what resource managers throw; all are asked, the
  ///   last registered first.
  public func remove() throws(OrcError) { try dylib.core.removeTracker(self) }

  /// Makes `destination`, of the same dylib, track what this one tracks, which ends this one.
  ///
  /// - Throws: ``OrcError/resourceTrackerDefunct(dylib:)``, ``OrcError/anotherDylib(tracker:dylib:)``.
  public func transfer(to destination: ResourceTracker) throws(OrcError) {
    try dylib.core.transferTracker(self, to: destination)
  }
}
