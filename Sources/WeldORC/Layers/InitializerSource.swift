internal import WeldLink

/// A layer that can say which functions of its objects are to run before and after the code is used.
protocol InitializerSource: AnyObject {
  /// Has `sink` told of the initializers of objects that are linked from now on.
  func deliverInitializers(to sink: any InitializerSink)
}

/// Someone who runs initializers.
///
/// As a resource manager it forgets those of removed trackers by itself.
protocol InitializerSink: ResourceManager {
  /// An object is in memory, and about to be ready. Called where `tracker` cannot be removed.
  ///
  /// - Parameters:
  ///   - symbol: the one that stands for the initializers.
  ///   - key: what ``remove(_:)`` knows them as.
  func add(
    _ initializers: [Initializers], for symbol: SymbolStringPtr?, as key: ObjectKey,
    under tracker: ResourceKey, in dylib: JITDylib)
  /// The object did not become ready.
  func remove(_ key: ObjectKey)
}
