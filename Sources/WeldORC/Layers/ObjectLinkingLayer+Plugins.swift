internal import Synchronization
internal import WeldELF
public import WeldLink

extension ObjectLinkingLayer {
  /// Someone who looks at what the layer links, or changes it. LLVM's `ObjectLinkingLayer::Plugin`.
  ///
  /// Plugins are called in the order in which they were added, without any lock, on the threads that link: several at a
  /// time for different objects, one at a time for one object.
  public protocol Plugin: AnyObject, Sendable {
    /// Adds passes for an object that was asked for. `graph` is as the object has it; nothing was done yet.
    ///
    /// LLVM's `modifyPassConfig`.
    func modifyPassConfiguration(
      _ responsibility: MaterializationResponsibility, _ graph: LinkGraph,
      _ configuration: inout PassConfiguration)

    /// The object has memory and its symbols have addresses.
    func notifyLoaded(_ responsibility: MaterializationResponsibility)

    /// The object is in memory, and its symbols are about to become ready; an error fails them.
    func notifyEmitted(_ responsibility: MaterializationResponsibility) throws(OrcError)

    /// The object could not be linked.
    func notifyFailed(_ responsibility: MaterializationResponsibility, _ error: OrcError)

    /// What is under `key` is about to be removed.
    func notifyRemovingResources(_ dylib: JITDylib, _ key: ResourceKey) throws(OrcError)

    /// What is under `source` belongs to `destination` from now on.
    func notifyTransferringResources(_ dylib: JITDylib, to destination: ResourceKey, from source: ResourceKey)
  }

  /// Adds a plugin, for objects that are asked for from now on. LLVM's `addPlugin`.
  public func addPlugin(_ plugin: any Plugin) { plugins.add(plugin) }

  /// Removes a plugin; objects that are being linked still know it. LLVM's `removePlugin`.
  public func removePlugin(_ plugin: any Plugin) { plugins.remove(plugin) }
}

extension ObjectLinkingLayer.Plugin {
  public func modifyPassConfiguration(
    _ responsibility: MaterializationResponsibility, _ graph: LinkGraph,
    _ configuration: inout PassConfiguration
  ) {}
  public func notifyLoaded(_ responsibility: MaterializationResponsibility) {}
  public func notifyEmitted(_ responsibility: MaterializationResponsibility) throws(OrcError) {}
  public func notifyFailed(_ responsibility: MaterializationResponsibility, _ error: OrcError) {}
  public func notifyRemovingResources(_ dylib: JITDylib, _ key: ResourceKey) throws(OrcError) {}
  public func notifyTransferringResources(
    _ dylib: JITDylib, to destination: ResourceKey, from source: ResourceKey
  ) {}
}

/// The plugins of a layer.
final class PluginList: Sendable {
  private let plugins = Mutex<[any ObjectLinkingLayer.Plugin]>([])
  /// How many there are, for those who want to know without the lock.
  private let count = Atomic(0)

  var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }
  var current: [any ObjectLinkingLayer.Plugin] { isEmpty ? [] : plugins.withLock { $0 } }

  func add(_ plugin: any ObjectLinkingLayer.Plugin) { change { $0.append(plugin) } }

  func remove(_ plugin: any ObjectLinkingLayer.Plugin) { change { $0.removeAll { $0 === plugin } } }

  private func change(_ change: (inout [any ObjectLinkingLayer.Plugin]) -> Void) {
    plugins.withLock { plugins in
      change(&plugins)
      count.store(plugins.count, ordering: .releasing)
    }
  }

  func notifyRemovingResources(_ dylib: JITDylib, _ key: ResourceKey) throws(OrcError) {
    var errors: [OrcError] = []
    for plugin in current {
      do throws(OrcError) {
        try plugin.notifyRemovingResources(dylib, key)
      } catch {
        errors.append(error)
      }
    }
    if let error = OrcError.joined(errors) { throw error }
  }

  func notifyTransferringResources(
    _ dylib: JITDylib, to destination: ResourceKey, from source: ResourceKey
  ) {
    for plugin in current { plugin.notifyTransferringResources(dylib, to: destination, from: source) }
  }
}

extension ObjectLinkingLayer {
  /// Promises what `graph` defines, as it is now. LLVM's `ObjectLinkingLayer::add` of a `LinkGraph`.
  ///
  /// - Throws: ``OrcError/link(_:)`` for a graph that is no object; as ``JITDylib/define(_:tracker:)``.
  public func add(
    _ graph: LinkGraph, to dylib: JITDylib, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    let object: ObjectFile
    do throws(LinkError) {
      object = try graph.object()
    } catch {
      throw .link(error)
    }
    try add(object, to: dylib, tracker: tracker)
  }
}
