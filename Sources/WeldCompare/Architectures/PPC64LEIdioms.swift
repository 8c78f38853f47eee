internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

enum PPC64LEIdioms: Idioms {
  typealias Target = PPC64LE

  static let wordRelocation = PPC64Relocation.R_PPC64_ADDR64.rawValue
  static let indirectRelocation = PPC64Relocation.R_PPC64_IRELATIVE.rawValue
  static let nop: UInt32 = 0x6000_0000

  static func step(ofStub code: [UInt8], at address: UInt64, gotBase: UInt64) -> StubStep? {
    var words = stride(from: 0, to: code.count & ~3, by: 4).map {
      UInt32(truncatingIfNeeded: code.integer(at: $0, byteCount: 4, .little))
    }
    // std r2, 24(r1)
    if words.first == 0xf841_0018 { words.removeFirst() }
    guard words.count >= 2 else { return nil }
    // lis r12; ori r12; sldi r12, r12, 32; oris r12; ori r12
    if words.count >= 5, words[0] >> 16 == 0x3d80, words[2] == 0x798c_07c6, words[3] >> 16 == 0x658c {
      let parts = [words[0], words[1], words[3], words[4]].map { UInt64($0 & 0xffff) }
      return .address(parts.reduce(0) { $0 << 16 | $1 })
    }
    let low = { (word: UInt32) in UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: word))) }
    let high = { (word: UInt32) in low(word) << 16 }
    switch (words[0] & 0xffff_0000, words[1] & 0xffff_0000) {
    // addis r12, r2, ha; ld or addi r12, lo(r12)
    case (0x3d82_0000, 0xe98c_0000): return .word(at: gotBase &+ high(words[0]) &+ low(words[1] & ~3))
    case (0x3d82_0000, 0x398c_0000): return .address(gotBase &+ high(words[0]) &+ low(words[1]))
    // addis r12, r12, ha; ld r12, lo(r12), entered with r12 pointing to the stub
    case (0x3d8c_0000, 0xe98c_0000): return .word(at: address &+ high(words[0]) &+ low(words[1] & ~3))
    // ld r12, lo(r2)
    case (0xe982_0000, _): return .word(at: gotBase &+ low(words[0] & ~3))
    default: return nil
    }
  }

  /// All instructions are words.
  static func instruction(at offset: Int, isCode: Bool, _ field: Range<Int>) -> Range<Int> {
    isCode ? field.lowerBound & ~3..<(max(field.upperBound, offset + 1) + 3) & ~3 : field
  }

  static func startOfInstruction(_: [UInt8], fieldAt offset: Int) -> Int { offset & ~3 }

  static func explain(_ place: Place) -> Explained? {
    let start = place.offset & ~3
    guard place.isCode, let our = place.our(4, at: start), let their = place.their(4, at: start) else {
      return nil
    }
    if let reason = explainThreadLocal(place, UInt32(our), UInt32(their)) {
      return (reason.0, start..<start + reason.byteCount)
    }
    if callsNothing(place), UInt32(their) == nop || their == 0x4800_0001 {
      return (.undefinedWeak, start..<start + 8)
    }
    if isSameCall(place) { return (.stub, start..<start + 8) }
    if let reason = explainHalf(place, UInt32(our), UInt32(their)) { return (reason, start..<start + 4) }
    return nil
  }

  /// Whether Weld's branch leads to address 0; the instruction after it may restore the TOC pointer.
  private static func callsNothing(_ place: Place) -> Bool {
    guard case .branch = place.rule.value else { return false }
    let next = place.their(4, at: place.offset + 4)
    return place.images.ourDestination(place.relocation.target.rawValue) == 0
      && (next == UInt64(nop) || next == place.our(4, at: place.offset + 4))
  }

  /// Whether both branches lead to the same function, the other one's through a stub after which the TOC
  /// pointer may be restored; a stub enters at the global entry.
  private static func isSameCall(_ place: Place) -> Bool {
    guard case .branch = place.rule.value, let meanings = place.meanings,
      case (.address(let our), .address(let their)) = meanings
    else { return false }
    let destination = place.images.theirDestination(their)
    guard destination != their,
      destination == place.images.ourDestination(our) || destination == place.target
    else { return false }
    let restore: UInt64 = 0xe841_0018
    let words = [place.our(4, at: place.offset + 4), place.their(4, at: place.offset + 4)]
    return words.allSatisfy { $0 == UInt64(nop) || $0 == restore }
  }

  /// GNU ld's local-exec code adds no upper half that is 0.
  private static func explainThreadLocal(
    _ place: Place, _ our: UInt32, _ their: UInt32
  ) -> (Explanation, byteCount: Int)? {
    guard place.relocation.via == .rewritten || place.rule.value == .threadPointerRelative else { return nil }
    // addis r3, r13, 0 became nop; then nop; addi r3, r3, lo became addi r3, r13, lo; nop.
    if our & 0xfc1f_ffff == 0x3c0d_0000, their == nop { return (.threadLocal, 4) }
    // The access itself, of which the base was that sum, is relative to r13.
    if our & ~0x1f_0000 == their & ~0x1f_0000, their >> 16 & 31 == 13 { return (.threadLocal, 4) }
    let start = place.offset & ~3
    guard our == nop, their >> 16 == 0x386d, let ourNext = place.our(4, at: start + 4),
      ourNext == 0x3863_0000 | UInt64(their & 0xffff), place.their(4, at: start + 4) == UInt64(nop)
    else { return nil }
    return (.threadLocal, 8)
  }

  /// Instructions that add the halves of a distance.
  private static func explainHalf(_ place: Place, _ our: UInt32, _ their: UInt32) -> Explanation? {
    let TOC = place.images.theirs.gotBase
    switch (place.rule.value, place.rule.part) {
    case (.pcRelative, .ha) where place.relocation.symbol == ".TOC.":
      // addis r2, r12, ha(.TOC. - P) became lis r2, ha(.TOC.).
      return our >> 16 == 0x3c4c && their == 0x3c40_0000 | ha(TOC) ? .absoluteTOC : nil
    case (.pcRelative, .lo) where place.relocation.symbol == ".TOC.":
      let previous = place.their(4, at: (place.offset & ~3) - 4) ?? 0
      return previous >> 16 == 0x3c40 && our >> 16 == 0x3842 && their == 0x3842_0000 | UInt32(TOC & 0xffff)
        ? .absoluteTOC : nil
    case (.gotRelative, .ha), (.slot(_, from: .gotBase), .ha):
      // addis rX, r2, 0 became nop.
      return their == nop && our & 0xfc1f_ffff == 0x3c02_0000 ? .omittedHighHalf : nil
    case (.gotRelative, .lo), (.slot(_, from: .gotBase), .lo):
      // The base is r2 itself.
      return our & ~0x1f_0000 == their & ~0x1f_0000 && their >> 16 & 31 == 2
        && place.halves.omitsHigh(place.relocation, place.rule) ? .omittedHighHalf : nil
    default: return nil
    }
  }

  private static func ha(_ value: UInt64) -> UInt32 { UInt32((value &+ 0x8000) >> 16 & 0xffff) }
}
