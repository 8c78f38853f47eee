public import WeldELF

/// A layer that compiles what it is given, and hands the object to the layer below. LLVM's `IRCompileLayer`.
public final class CompileLayer<C: Compiler>: SourceLayer {
  private let compiler: C
  private let base: any ObjectLayer
  private let cache: (any ObjectCache)?
  private let compiled: (@Sendable (C.Source, ObjectFile) -> Void)?

  /// - Parameters:
  ///   - compiler: what compiles; from several threads at once if the session has several.
  ///   - base: gets the objects.
  ///   - cache: asked before something is compiled, and told afterwards, if the compiler has a key for it.
  ///   - compiled: told of each object that was compiled, and not found in the cache.
  public init(
    _ compiler: C, to base: any ObjectLayer, cache: (any ObjectCache)? = nil,
    compiled: (@Sendable (C.Source, ObjectFile) -> Void)? = nil
  ) {
    self.compiler = compiler
    self.base = base
    self.cache = cache
    self.compiled = compiled
  }

  public func interface(of source: C.Source, names: SymbolStringPool) throws -> ObjectInterface {
    // Compilers may have to compile to know it.
    if let object = cachedObject(of: source) { return ObjectInterface(of: object, names: names) }
    return try compiler.interface(of: source, names: names)
  }

  public func emit(_ responsibility: MaterializationResponsibility, _ source: C.Source) {
    let object: ObjectFile
    do {
      object = try self.object(of: source)
    } catch {
      responsibility.failMaterialization(error)
      return
    }
    base.emit(responsibility, object)
  }

  /// The object of `source`, from the cache or compiled.
  func object(of source: C.Source) throws -> ObjectFile {
    if let object = cachedObject(of: source) { return object }
    let object = try compile(source)
    if let cache, let key = compiler.cacheKey(of: source) { cache.store(object.bytes, for: key) }
    return object
  }

  /// What the cache has; what is not an object any more is compiled again.
  private func cachedObject(of source: C.Source) -> ObjectFile? {
    guard let cache, let key = compiler.cacheKey(of: source), let bytes = cache.object(for: key) else {
      return nil
    }
    return try? ObjectFile(bytes, name: "<cached object>")
  }

  private func compile(_ source: C.Source) throws -> ObjectFile {
    let object = try compiler.compile(source)
    compiled?(source, object)
    return object
  }
}

/// A layer that changes what it is given, and hands it to the layer below. LLVM's `IRTransformLayer`.
public final class SourceTransformLayer<Base: SourceLayer>: SourceLayer {
  private let base: Base
  private let transform: @Sendable (Base.Source) throws -> Base.Source

  /// - Parameter transform: makes of a source what the layer below gets; it must define the same symbols.
  public init(to base: Base, _ transform: @escaping @Sendable (Base.Source) throws -> Base.Source) {
    self.base = base
    self.transform = transform
  }

  public func interface(of source: Base.Source, names: SymbolStringPool) throws -> ObjectInterface {
    try base.interface(of: source, names: names)
  }

  public func emit(_ responsibility: MaterializationResponsibility, _ source: Base.Source) {
    let transformed: Base.Source
    do {
      transformed = try transform(source)
    } catch {
      responsibility.failMaterialization(error)
      return
    }
    base.emit(responsibility, transformed)
  }
}
