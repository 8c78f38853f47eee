public import WeldExecutor

extension LLJIT {
  /// How to make an ``LLJIT``. LLVM's `LLJITBuilder`, as far as it has to do with linking.
  public struct Builder: Sendable {
    /// Makes the layer that links objects, for a session which it must not keep alive by what it is given.
    public typealias LayerCreator = @Sendable (ExecutionSession) throws(OrcError) -> any ObjectLayer

    /// The process in which code runs; by default this one. Not used if there is a ``session``.
    public var executor: any ExecutorProcessControl = InProcessExecutor()
    /// Who materializes; by default whoever asks. LLVM's number of compile threads. Not used if there is a ``session``.
    public var dispatcher = Dispatcher.inline
    /// Is told each first cause of a failure once; by default nobody. Not used if there is a ``session``.
    public var errorReporter: @Sendable (OrcError) -> Void = { _ in }
    /// The session to use; by default a new one, which ends with the ``LLJIT``.
    public var session: ExecutionSession?
    /// Whether code of every dylib finds what the process exports, after everything else.
    public var linksProcessSymbolsByDefault = true
    /// Makes the dylib with the symbols of the process; by default one that asks the executor.
    public var processSymbolsSetup: (@Sendable (ExecutionSession) throws(OrcError) -> JITDylib)?
    /// Makes the layer that links objects.
    public var objectLinkingLayer: LayerCreator?
    /// Called before the platform is made.
    public var prePlatformSetup: (@Sendable (LLJIT) throws(OrcError) -> Void)?
    /// Makes the platform; by default one that runs constructors and destructors as the dynamic loader does. It knows
    /// those of objects which Weld's own layers link.
    public var platformSetup: (@Sendable (LLJIT) throws(OrcError) -> any PlatformSupport)?
    /// What constructors get as `argv`, as they get that of the process in shared libraries.
    public var arguments = CommandLine.arguments
    /// Called when everything is made.
    public var notifyCreated: (@Sendable (LLJIT) throws(OrcError) -> Void)?

    /// The defaults.
    public init() {}

    /// Makes it.
    ///
    /// - Throws: as ``LLJIT/init(_:)``.
    public func build() throws(OrcError) -> LLJIT { try LLJIT(self) }

    func makeLayer(of session: ExecutionSession) throws(OrcError) -> any ObjectLayer {
      guard let objectLinkingLayer else { return try Self.makeDefaultLayer(of: session) }
      return try objectLinkingLayer(session)
    }

    private static func makeDefaultLayer(of session: ExecutionSession) throws(OrcError) -> any ObjectLayer {
      try ObjectLinkingLayer(session)
    }

    func makeProcessSymbols(of session: ExecutionSession) throws(OrcError) -> JITDylib? {
      if let processSymbolsSetup { return try processSymbolsSetup(session) }
      guard linksProcessSymbolsByDefault else { return nil }
      let dylib = try session.createDylib("<Process Symbols>")
      try dylib.addGenerator(DynamicLibrarySearchGenerator.forProcess(of: session))
      return dylib
    }
  }
}
