internal import Glibc
internal import Synchronization

/// What finalizing an allocation of this process does besides its bytes and their protections, and what of it is to be
/// undone.
struct LocalWork: ~Copyable, Sendable {
  private let state = Mutex(State())

  /// What is to be undone before the memory goes back. Not private: Swift 6.3 would not find it from other files.
  struct State {
    var frames: Address?
    /// The last one is called first.
    var actions: [WrapperCall] = []
  }

  /// Tells the unwinder of frame descriptions, and calls the actions in their order. All of the memory is final.
  func perform(_ work: FinalizeWork) throws(MemoryError) {
    if let frames = work.frames {
      unsafe registerFrame(UnsafeRawPointer(bitPattern: UInt(frames.address.rawValue)))
      state.withLock { $0.frames = frames.address }
    }
    for action in work.actions { try run(action) }
  }

  private func run(_ action: AllocationAction) throws(MemoryError) {
    do {
      if let call = action.finalize { try WrapperFunction.run(call) }
    } catch {
      throw .executor(error)
    }
    if let call = action.deallocate { state.withLock { $0.actions.append(call) } }
  }

  /// Undoes what ``perform(_:)`` did, in the opposite order; once, when the memory is about to go back.
  func undo() {
    let actions = state.withLock { $0.actions.isEmpty ? nil : $0.actions }
    for call in (actions ?? []).reversed() { _ = try? WrapperFunction.run(call) }
    deregisterFrames()
  }

  func deregisterFrames() {
    let registered = state.withLock { $0.frames.take() }
    guard let registered else { return }
    unsafe deregisterFrame(UnsafeRawPointer(bitPattern: UInt(registered.rawValue)))
  }

  /// The address of the function that an indirect function stands for, as its resolver says.
  static func resolve(_ function: FinalizeWork.IndirectFunction) -> UInt {
    guard let resolver = unsafe UnsafeRawPointer(bitPattern: UInt(function.resolver.rawValue)) else {
      return 0
    }
    let capabilities = auxiliaryValue(16)
    // The linker passes the address of code it linked, in finalized memory.
    return unsafe unsafeBitCast(resolver, to: (@convention(c) (UInt) -> UInt).self)(capabilities)
  }

  /// Stores the address of a function in a slot that can be written.
  static func store(_ function: UInt, in slot: Address) {
    // The linker passes the address of a slot it made.
    unsafe UnsafeMutablePointer<UInt>(bitPattern: UInt(slot.rawValue))?.pointee = function
  }
}

/// libgcc's registration of a whole `.eh_frame` section, which ends with four zero bytes.
@_extern(c, "__register_frame")
private func registerFrame(_ section: UnsafeRawPointer?)

@_extern(c, "__deregister_frame")
private func deregisterFrame(_ section: UnsafeRawPointer?)

/// A value of the auxiliary vector; 16 (`AT_HWCAP`) is what the processor can do.
@_extern(c, "getauxval")
private func auxiliaryValue(_ type: UInt) -> UInt
