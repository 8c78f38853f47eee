internal import WeldBytes
internal import WeldELF
internal import WeldExecutor
internal import WeldMemory

/// Code by which calls get to functions whose addresses are known late, or change: stubs, trampolines and what these lead
/// to. Each machine has an enum without cases.
///
/// None of it touches registers that may hold arguments.
protocol IndirectionCode: SendableMetatype {
  /// Bytes of a stub.
  static var stubByteCount: Int { get }
  /// Code that goes where the word at `slot` says, which is the machine's next function pointer.
  static func stub(at address: Address, slot: Address) -> [UInt8]

  /// Bytes of a trampoline.
  static var trampolineByteCount: Int { get }
  /// Code that goes to the resolver and lets it know where it comes from.
  static func trampoline(at address: Address, resolver: Address) -> [UInt8]

  /// Code that lies behind a ``ResolverBlock``. It saves the arguments of the call, calls the dispatch function with
  /// the context, the tag, and as arguments the address of the trampoline, a word of the machine; then it restores the
  /// arguments and goes where the result says, as if the trampoline's caller had called that. If the result is no word, it
  /// goes to the failure address.
  static var resolver: [UInt8] { get }
}

/// What a resolver reads, each a word.
struct ResolverBlock {
  /// ``ExecutorProcessControl/dispatch``.
  var dispatch: (function: Address, context: Address)
  /// What the handler is known by.
  var tag: Address
  var failure: Address
  /// What the processor can do, as the kernel says it (`AT_HWCAP`).
  var capabilities: UInt64

  static let byteCount = 40

  var words: [UInt64] {
    [
      dispatch.function.rawValue, dispatch.context.rawValue, tag.rawValue, failure.rawValue, capabilities,
    ]
  }
}

/// The code for `target`; `nil` if Weld does not link for it.
func indirectionCode(for target: ExecutorTarget) -> (any IndirectionCode.Type)? {
  switch (target.machine, target.byteOrder) {
  case (.x86_64, .little): X86_64Indirection.self
  case (.ppc64, .little): PPC64LEIndirection.self
  case (.s390, .big): S390XIndirection.self
  default: nil
  }
}
