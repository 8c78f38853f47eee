internal import WeldBytes
public import WeldELF
internal import WeldLink

/// Someone who takes objects, and makes their symbols when they are asked for. LLVM's `ObjectLayer`.
public protocol ObjectLayer: AnyObject, Sendable {
  /// Makes the symbols that `responsibility` lists out of `object`, now or later, on any thread.
  func emit(_ responsibility: MaterializationResponsibility, _ object: ObjectFile)
}

extension ObjectLayer {
  /// Promises what `object` defines; the layer gets it when somebody asks for one of its symbols.
  ///
  /// - Parameters:
  ///   - tracker: of the dylib; by default the default tracker.
  ///   - interface: what the object defines; by default what its symbol table says.
  /// - Throws: as ``JITDylib/define(_:tracker:)``.
  public func add(
    _ object: ObjectFile, to dylib: JITDylib, tracker: ResourceTracker? = nil,
    interface: ObjectInterface? = nil
  ) throws(OrcError) {
    if let interface {
      try dylib.define(ObjectMaterializationUnit(object, interface, layer: self), tracker: tracker)
    } else {
      try add(PendingObject(reading: object, names: dylib.core.names), to: dylib, tracker: tracker)
    }
  }

  /// Promises what an object defines whose names were read.
  func add(_ object: PendingObject, to dylib: JITDylib, tracker: ResourceTracker? = nil) throws(OrcError) {
    try dylib.define(ObjectMaterializationUnit(object, layer: self), tracker: tracker)
  }
}

extension CollectingObjectLayer {
  /// Promises what an object defines whose names were read; without asking what kind of layer this is.
  func add(_ object: PendingObject, to dylib: JITDylib, tracker: ResourceTracker? = nil) throws(OrcError) {
    try dylib.define(ObjectMaterializationUnit(object, collecting: self), tracker: tracker)
  }
}

/// A layer that collects objects, to link them together.
protocol CollectingObjectLayer: ObjectLayer {
  /// Whether it only takes note of what is emitted, unless the thread has nothing else to do, so that this need not be put off.
  var isCollecting: Bool { get }
  /// As ``ObjectLayer/emit(_:_:)``, with the names of the object if they were read.
  func emit(_ responsibility: MaterializationResponsibility, _ object: PendingObject)
}

/// An object that was not asked for yet. LLVM's `BasicObjectLayerMaterializationUnit`.
public struct ObjectMaterializationUnit: MaterializationUnit {
  private enum Layer: Sendable {
    case collecting(any CollectingObjectLayer)
    case other(any ObjectLayer)
  }

  // No more than three words, so that it needs no memory of its own.
  private let object: PendingObject
  private let layer: Layer

  /// What `interface` says of `object`, made by `layer`.
  public init(_ object: ObjectFile, _ interface: ObjectInterface, layer: some ObjectLayer) {
    self.init(PendingObject(object, interface), layer: layer)
  }

  /// What the symbol table of an object says whose names were read, made by `layer`.
  init(_ object: PendingObject, collecting layer: some CollectingObjectLayer) {
    self.object = object
    self.layer = .collecting(layer)
  }

  /// What the symbol table of an object says whose names were read, or what was said of the object, made by `layer`.
  init(_ object: PendingObject, layer: some ObjectLayer) {
    self.object = object
    self.layer = (layer as? any CollectingObjectLayer).map { .collecting($0) } ?? .other(layer)
  }

  public var name: String { object.object.name }

  public var symbols: SymbolFlagsMap {
    if let interface = object.interface { return interface.symbols }
    return SymbolFlagsMap(of: object.symbols?.definitions ?? [], initializer: object.initializerSymbol)
  }

  public var initializerSymbol: SymbolStringPtr? {
    object.interface == nil ? object.initializerSymbol : object.interface?.initializerSymbol
  }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    switch layer {
    case .collecting(let layer): layer.emit(responsibility, object)
    case .other(let layer): layer.emit(responsibility, object.object)
    }
  }

  /// What it defines, in the order of the object.
  var definitions: Few<SymbolDefinition> {
    if let interface = object.interface {
      return Few(interface.symbols.lazy.map { SymbolDefinition(name: $0.key, flags: $0.value) })
    }
    return object.symbols?.definitions ?? []
  }

  /// The layer, if it collects.
  var collector: (any CollectingObjectLayer)? {
    switch layer {
    case .collecting(let layer): layer
    case .other: nil
    }
  }
}
