public import WeldELF

/// What makes objects out of something else: a module of LLVM IR, a syntax tree, source of a language.
///
/// LLVM's `IRCompileLayer::IRCompiler`, for any kind of source.
public protocol Compiler<Source>: Sendable {
  associatedtype Source: Sendable

  /// What `source` will define once it is compiled. Asked when it is added, before anybody wants it.
  ///
  /// - Parameter names: the session's.
  func interface(of source: Source, names: SymbolStringPool) throws -> ObjectInterface

  /// Compiles `source`. Called by whoever materializes, perhaps on several threads at once.
  func compile(_ source: Source) throws -> ObjectFile

  /// What tells the object of `source` from all others, if it may come from a cache: the source, the compiler, its
  /// version and options; `nil`, the default, if it may not.
  func cacheKey(of source: Source) -> [UInt8]?
}

extension Compiler {
  public func cacheKey(of _: Source) -> [UInt8]? { nil }
}

/// Someone who takes sources, and makes their symbols when they are asked for. LLVM's `IRLayer`, for any kind of
/// source.
public protocol SourceLayer<Source>: AnyObject, Sendable {
  associatedtype Source: Sendable

  /// What `source` will define.
  func interface(of source: Source, names: SymbolStringPool) throws -> ObjectInterface
  /// Makes the symbols that `responsibility` lists out of `source`, now or later, on any thread.
  func emit(_ responsibility: MaterializationResponsibility, _ source: Source)
}

extension SourceLayer {
  /// Promises what `source` will define; the layer gets it when somebody asks for one of its symbols.
  ///
  /// - Parameter tracker: of the dylib; by default the default tracker.
  /// - Throws: ``OrcError/other(_:)`` with what ``interface(of:names:)`` throws; as ``JITDylib/define(_:tracker:)``.
  public func add(
    _ source: Source, to dylib: JITDylib, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    let interface: ObjectInterface
    do {
      interface = try self.interface(of: source, names: dylib.core.names)
    } catch {
      throw OrcError(error)
    }
    try dylib.define(SourceMaterializationUnit(source, interface, layer: self), tracker: tracker)
  }
}

/// A source that was not asked for yet. LLVM's `BasicIRLayerMaterializationUnit`.
public struct SourceMaterializationUnit<Layer: SourceLayer>: MaterializationUnit {
  private let source: Layer.Source
  private let interface: ObjectInterface
  private let layer: Layer

  /// What `interface` says of `source`, made by `layer`.
  public init(_ source: Layer.Source, _ interface: ObjectInterface, layer: Layer) {
    self.source = source
    self.interface = interface
    self.layer = layer
  }

  public var name: String { "<source>" }
  public var symbols: SymbolFlagsMap { interface.symbols }
  public var initializerSymbol: SymbolStringPtr? { interface.initializerSymbol }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    layer.emit(responsibility, source)
  }
}
