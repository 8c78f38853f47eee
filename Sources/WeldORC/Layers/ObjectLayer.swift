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
    let interface = interface ?? ObjectInterface(of: object, names: dylib.core.names)
    try dylib.define(ObjectMaterializationUnit(object, interface, layer: self), tracker: tracker)
  }
}

/// A layer that collects objects, to link them together.
protocol CollectingObjectLayer: ObjectLayer {
  /// Whether it only takes note of what is emitted, so that this need not be put off.
  var isCollecting: Bool { get }
  /// As ``ObjectLayer/emit(_:_:)``, with the names of the object if they were read.
  func emit(
    _ responsibility: MaterializationResponsibility, _ object: ObjectFile, _ symbols: ObjectSymbols?)
}

/// An object that was not asked for yet. LLVM's `BasicObjectLayerMaterializationUnit`.
public struct ObjectMaterializationUnit: MaterializationUnit {
  private let object: ObjectFile
  private let interface: ObjectInterface
  private let layer: any ObjectLayer
  private let collector: (any CollectingObjectLayer)?

  /// What `interface` says of `object`, made by `layer`.
  public init(_ object: ObjectFile, _ interface: ObjectInterface, layer: any ObjectLayer) {
    self.object = object
    self.interface = interface
    self.layer = layer
    collector = layer as? any CollectingObjectLayer
  }

  public var name: String { object.name }
  public var symbols: SymbolFlagsMap { interface.symbols }
  public var initializerSymbol: SymbolStringPtr? { interface.initializerSymbol }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    if case .table(let table) = interface.contents, let collector {
      collector.emit(responsibility, object, table)
    } else {
      layer.emit(responsibility, object)
    }
  }

  /// What it defines, in the order of the object.
  var definitions: [(name: SymbolStringPtr, flags: SymbolFlags)] {
    switch interface.contents {
    case .table(let table): table.definitions.map { ($0.name, $0.flags) }
    case .map(let map): map.map { ($0.key, $0.value) }
    }
  }

  /// Whether the layer only takes note of what it is given.
  var isImmediate: Bool { collector?.isCollecting == true }
}
