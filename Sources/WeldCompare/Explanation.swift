/// Why bytes of two linkers may differ although they mean the same.
public enum Explanation: String, CaseIterable, Sendable {
  /// Each linker numbers the slots of its GOT in its own way.
  case otherSlot = "in another slot with the same content"
  /// Both branches lead to the same function, one of them or both through a stub.
  case stub = "through another stub to the same function"
  /// The address of an indirect function is that of a stub, which each linker makes for itself.
  case indirectFunction = "another address of the same indirect function"
  /// The place is as it is when Weld rewrites nothing.
  case notRewritten = "not rewritten there"
  /// The place is as Weld rewrites it, which it was asked not to.
  case rewritten = "rewritten there all the same"
  /// `mov slot, %reg`: GNU ld makes it `mov $S, %reg` of low addresses, Weld, like lld, always
  /// `lea S(%rip), %reg`.
  case immediateMove = "mov instead of lea"
  /// A function that only weak references want is not there: nobody may call it, and each linker writes
  /// something else.
  case undefinedWeak = "undefined weak function"
  /// At low addresses, GNU ld loads the TOC pointer as a constant.
  case absoluteTOC = "constant TOC pointer"
  /// The upper half of a distance from the TOC is 0, and the instruction that adds it was left out.
  case omittedHighHalf = "upper half of 0 not added"
  /// The address of the symbol is computed where Weld loads it from a slot.
  case computedAddress = "computed there instead of loaded"
  /// Another sequence of instructions that gives the same address of a thread-local variable.
  case threadLocal = "shorter thread-local access"
}
