internal import WeldBytes
public import WeldELF

extension StubKind {
  /// Saves `r2` and calls the function that a slot holds, at its global entry.
  fileprivate static let tocCall = StubKind(0, "call", byteCount: 20, alignment: 4, changesTOC: true)
  /// Branches to a function of the same TOC that is too far away.
  fileprivate static let longBranch = StubKind(
    1, "long-branch", byteCount: 16, alignment: 4, readsSlot: false)
  /// Saves `r2` and calls a function of the same TOC that does not keep it.
  fileprivate static let saveTOC = StubKind(
    2, "save-toc", byteCount: 20, alignment: 4, readsSlot: false, changesTOC: true)
  /// Calls the function that a slot holds; for callers without a TOC.
  ///
  /// One instruction of Power10 could load the slot, but code without a TOC need not be for Power10.
  fileprivate static let noTOC = StubKind(3, "notoc", byteCount: 32, alignment: 4)
  /// Calls a function that is known, at its global entry; for callers without a TOC.
  fileprivate static let noTOCDirect = StubKind(
    4, "notoc-direct", byteCount: 32, alignment: 4, readsSlot: false)
  /// The address of an indirect function: entered with `r12` pointing to it, jumps to what a slot holds.
  fileprivate static let globalEntry = StubKind(5, "global-entry", byteCount: 16, alignment: 4)
}

// Note: calls
//
// ELFv2 ABI, sections 2.3.2 "Calling Conventions", 3.4.1 "Symbol Values" and 3.6 "Code Models". What
// `st_other` says about a function of the batch: 0, it has one entry and keeps r2; 1, it has one entry and
// does not keep r2; 2 to 6, it has a local entry that many powers of two after the global one.
extension PPC64LE {
  public static var callStub: StubKind { .tocCall }
  public static var indirectStub: StubKind { .globalEntry }

  public static func route(of relocation: PPC64Relocation, to callee: Callee) -> Route? {
    let entry = callee.other >> 5
    guard entry < 7 else { return nil }
    let isOutside = !callee.isDefined || callee.isIndirect
    switch relocation {
    case .R_PPC64_REL24_NOTOC, .R_PPC64_REL24_P9NOTOC:
      if isOutside { return Route(stub: .noTOC, needsStub: true) }
      return Route(stub: .noTOCDirect, needsStub: entry > 1)
    case .R_PPC64_REL24, .R_PPC64_REL14:
      if isOutside { return Route(stub: .tocCall, needsStub: true) }
      if entry == 1 { return Route(stub: .saveTOC, needsStub: true) }
      return Route(entryOffset: entry < 2 ? 0 : 1 << UInt64(entry), stub: .longBranch)
    case .R_PPC64_ADDR64_LOCAL:
      return Route(entryOffset: entry < 2 ? 0 : 1 << UInt64(entry), stub: nil)
    default:
      // Addresses of functions are taken from words, which reach everything.
      return Route(stub: nil)
    }
  }

  public static func isBranch(_ code: RawSpan, fieldAt offset: Int) -> Bool { false }

  public static func writeStub(
    _ kind: StubKind, in bytes: inout MutableRawSpan, at offset: Int, _ site: StubSite
  ) throws(FieldError) {
    let pointer = kind.readsSlot ? site.slot : site.target
    let mtctr: UInt32 = 0x7d89_03a6
    let bctr: UInt32 = 0x4e80_0420
    // ld r12, lo(r12) or addi r12, r12, lo
    let load: UInt32 = kind.readsSlot ? 0xe98c_0000 : 0x398c_0000
    let words: [UInt32]
    switch kind {
    case .tocCall, .saveTOC, .longBranch:
      let (ha, lo) = try halves(pointer &- site.GOT)
      // std r2, 24(r1); addis r12, r2, ha
      words = (kind == .longBranch ? [] : [0xf841_0018]) + [0x3d82_0000 | ha, load | lo, mtctr, bctr]
    case .globalEntry:
      let (ha, lo) = try halves(pointer &- site.address)
      // addis r12, r12, ha
      words = [0x3d8c_0000 | ha, load | lo, mtctr, bctr]
    default:
      let (ha, lo) = try halves(pointer &- (site.address &+ 8))
      // mflr r12; bcl 20, 31, .+4; mflr r11; mtlr r12; addis r12, r11, ha
      words = [
        0x7d88_02a6, 0x429f_0005, 0x7d68_02a6, 0x7d88_03a6, 0x3d8b_0000 | ha, load | lo, mtctr, bctr,
      ]
    }
    for (number, word) in words.enumerated() {
      do {
        try bytes.store(word, at: offset + number * 4, order: .little)
      } catch {
        preconditionFailure("a stub outside the text it was laid out in")
      }
    }
  }

  /// The immediates of an `addis` and a load that together add `distance`.
  private static func halves(_ distance: UInt64) throws(FieldError) -> (ha: UInt32, lo: UInt32) {
    let distance = Int64(bitPattern: distance)
    let ha = try Part.ha.of(.word16).encode(distance, in: 0)
    return (UInt32(truncatingIfNeeded: ha), UInt32(truncatingIfNeeded: distance) & 0xffff)
  }

  /// The instruction after a call whose callee changes `r2` must be `nop`, and becomes `ld r2, 24(r1)` (ELFv2
  /// ABI, section 3.6.1). It may be that already.
  public static func restoreTOC(
    afterCallAt offset: Int, in code: inout MutableRawSpan
  ) throws(TOCRestoreError) {
    let restore: UInt32 = 0xe841_0018
    guard let call: UInt32 = try? code.load(at: offset, order: .little), call & 1 == 1,
      let next: UInt32 = try? code.load(at: offset + 4, order: .little)
    else { throw TOCRestoreError(instruction: nil) }
    if next == restore { return }
    guard next == 0x6000_0000, (try? code.store(restore, at: offset + 4, order: .little)) != nil else {
      throw TOCRestoreError(instruction: next)
    }
  }
}
