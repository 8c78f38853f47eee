/// What makes code of a dylib more than functions: constructors and destructors.
///
/// LLVM's `LLJIT::PlatformSupport` and `Platform`.
public protocol PlatformSupport: AnyObject, Sendable {
  /// Defines in a new dylib what the code of every dylib may expect.
  func setUp(_ dylib: JITDylib, of jit: LLJIT) throws(OrcError)
  /// Runs what is to run before code of the dylib.
  func initialize(_ dylib: JITDylib) throws(OrcError)
  /// Runs what is to run after code of the dylib.
  func deinitialize(_ dylib: JITDylib) throws(OrcError)
  /// Runs what is to run after code of any dylib: the ``LLJIT`` goes.
  func deinitializeAll() throws(OrcError)
}

/// A platform that does nothing. LLVM's `setUpInactivePlatform`.
public final class InactivePlatform: PlatformSupport {
  public init() {}
  public func setUp(_ dylib: JITDylib, of jit: LLJIT) {}
  public func initialize(_ dylib: JITDylib) {}
  public func deinitialize(_ dylib: JITDylib) {}
  public func deinitializeAll() {}
}
