internal import WeldBytes
internal import WeldELF
internal import WeldLink

/// One relocation in both programs.
struct Place {
  /// What Weld decided.
  let relocation: LinkMap.Relocation
  /// What the relocation type means.
  let rule: Rule
  /// Where the section is, in both programs.
  let address: UInt64
  /// Whether the section has instructions.
  let isCode: Bool
  /// The section's bytes as Weld has them.
  let ours: [UInt8]
  /// The same in the other program.
  let theirs: [UInt8]
  /// The values that the other program has in pairs of instructions.
  let halves: Halves
  let images: Images

  /// The bytes that the relocation changed in Weld's section.
  var range: Range<Int> { relocation.changedBytes }
  /// Where the field is, in bytes from the section's start.
  var offset: Int { Int(relocation.offset) }
  /// The psABI's letter: the address of the field.
  var P: UInt64 { address &+ relocation.offset }
  /// The psABI's letter: the addend.
  var A: UInt64 { UInt64(bitPattern: relocation.addend) }
  /// The symbol's address with the addend.
  var target: UInt64? {
    relocation.inputs.first { $0.letter == "S" }.map { $0.value &+ A }
  }

  /// An integer of the other program, in the order of the machine; `nil` outside of the section.
  func their(_ byteCount: Int, at offset: Int) -> UInt64? { integer(theirs, byteCount, at: offset) }
  /// The same in Weld's.
  func our(_ byteCount: Int, at offset: Int) -> UInt64? { integer(ours, byteCount, at: offset) }

  private func integer(_ bytes: [UInt8], _ byteCount: Int, at offset: Int) -> UInt64? {
    guard offset >= 0, offset <= bytes.count - byteCount else { return nil }
    return bytes.integer(at: offset, byteCount: byteCount, images.order)
  }
}

extension LinkMap.Relocation {
  /// The bytes that it changed, from the section's start.
  var changedBytes: Range<Int> { changeOffset..<changeOffset + after.count }
}

/// Both programs.
struct Images {
  let ours: WeldImage
  let theirs: PeerImage
  let idioms: any Idioms.Type

  var order: ByteOrder { idioms.byteOrder }

  /// Where a branch to `address` ends up in Weld's program.
  func ourDestination(_ address: UInt64) -> UInt64 {
    let target = ours.stubTargets[address] ?? address
    // The address of an indirect function is that of a stub, whose slot holds the resolver's.
    guard let code = ours.stubCode(at: target),
      case .word(let slot) = idioms.step(ofStub: code, at: target, gotBase: theirs.gotBase),
      let word = ours.slotBytes(at: slot, count: 8)
    else { return target }
    return word.integer(at: 0, byteCount: 8, order)
  }

  /// Where a branch to `address` ends up in the other program; for a function that a resolver chooses, the
  /// resolver.
  func theirDestination(_ address: UInt64) -> UInt64 {
    var address = address
    // A stub may lead to another one.
    for _ in 0..<4 {
      guard !theirs.isFromObject(address), let code = stubCode(at: address),
        let step = idioms.step(ofStub: code, at: address, gotBase: theirs.gotBase)
      else { return address }
      switch step {
      case .address(let target): address = target
      case .word(let slot):
        if let resolver = theirs.resolvers[slot] { return resolver }
        guard let target = theirs.word(at: slot) else { return address }
        address = target
      }
    }
    return address
  }

  private func stubCode(at address: UInt64) -> [UInt8]? {
    for count in stride(from: 48, through: 8, by: -8) {
      if let code = theirs.bytes(at: address, count: count) { return code }
    }
    return nil
  }

  /// Whether a slot of Weld's holds what one of the other program does.
  ///
  /// - Parameter byteCount: 16 for slots of two words.
  func haveSameContents(_ ourSlot: UInt64, _ theirSlot: UInt64, byteCount: Int) -> Bool {
    guard let our = ours.slotBytes(at: ourSlot, count: byteCount) else { return false }
    let their = theirs.bytes(at: theirSlot, count: byteCount)
    if our == their { return true }
    guard byteCount == 8 else { return false }
    let ourWord = ourDestination(our.integer(at: 0, byteCount: 8, order))
    if let resolver = theirs.resolvers[theirSlot] { return resolver == ourWord }
    guard let their else { return false }
    return ourWord == theirDestination(their.integer(at: 0, byteCount: 8, order))
  }
}
