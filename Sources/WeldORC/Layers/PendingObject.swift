internal import WeldELF

/// An object that a layer is given, and what is known of its names.
final class PendingObject: Sendable {
  let object: ObjectFile
  /// Its names, if somebody has read them.
  let symbols: ObjectSymbols?
  /// What was said of it, which goes before what its symbol table says.
  let interface: ObjectInterface?
  /// What stands for its initializers, if it has some and was read to be defined.
  let initializerSymbol: SymbolStringPtr?

  /// An object, whose names may have been read.
  init(_ object: ObjectFile, _ symbols: ObjectSymbols? = nil) {
    self.object = object
    self.symbols = symbols
    interface = nil
    initializerSymbol = nil
  }

  /// An object that is said to define something.
  init(_ object: ObjectFile, _ interface: ObjectInterface) {
    self.object = object
    symbols = nil
    self.interface = interface
    initializerSymbol = nil
  }

  /// Reads the names of `object`.
  ///
  /// - Parameter names: the session's.
  init(reading object: ObjectFile, names: SymbolStringPool) {
    self.object = object
    symbols = ObjectSymbols(of: object, names: names)
    interface = nil
    initializerSymbol = ObjectInterface.initializerSymbol(of: object, names: names)
  }
}
