internal import WeldBytes
internal import WeldLink
internal import WeldMemory

// What a field says in terms of its rule.
extension Place {
  /// Why the field is another than Weld's, where the instruction around it is the same.
  func explainValue() -> Explained? {
    guard relocation.via != .rewritten, relocation.via != .nothing, let meanings else { return nil }
    let field = offset..<offset + self.field.byteCount
    // What differs may be the instruction around it.
    guard ours[field] != theirs[field] else { return nil }
    switch meanings {
    case (.slot(let our, let byteCount), .slot(let their, _)):
      return images.haveSameContents(our, their, byteCount: byteCount) ? (.otherSlot, field) : nil
    case (.address(let our), .address(let their)):
      guard images.ourDestination(our) == images.theirDestination(their) else { return nil }
      return (isBranch ? .stub : .indirectFunction, field)
    default: return nil
    }
  }

  /// What a field refers to.
  enum Meaning: Equatable {
    case slot(UInt64, byteCount: Int)
    case address(UInt64)
    case number(Int64)
  }

  var field: Field { images.idioms.field(of: rule, in: ours, at: offset, isCode: isCode) }

  private var isBranch: Bool {
    switch rule.value {
    case .branch, .stubGOTRelative: true
    default: false
    }
  }

  /// What Weld's field and the other program's mean; `nil` if the bits around the field differ, or if it is a
  /// half of a value whose other half is not known.
  var meanings: (our: Meaning, their: Meaning)? {
    let field = self.field
    guard field.byteCount > 0, let our = our(field.byteCount, at: offset),
      let their = their(field.byteCount, at: offset), our & field.keptBits == their & field.keptBits
    else { return nil }
    if rule.part == .whole { return (meaning(field.decode(our)), meaning(field.decode(their))) }
    guard let whole = halves.whole(relocation, rule) else { return nil }
    let meaning = meaning(whole)
    switch meaning {
    case .slot(_, let byteCount):
      return (.slot(relocation.target.rawValue, byteCount: byteCount), meaning)
    case .address: return target.map { (.address($0), meaning) }
    case .number: return nil
    }
  }

  /// What `value`, computed by the rule, refers to.
  private func meaning(_ value: Int64) -> Meaning {
    let value = UInt64(bitPattern: value)
    // Weld's base is the other program's.
    let GOT = images.theirs.gotBase
    switch rule.value {
    case .absolute, .localEntry: return .address(value)
    case .pcRelative, .branch: return .address(value &+ P &- branchBias)
    case .gotRelative, .stubGOTRelative: return .address(value &+ GOT)
    case .slot(let kind, let origin):
      var address = value
      if !images.idioms.addendSelectsTarget { address &-= A }
      switch origin {
      case .zero: break
      case .place: address &+= P
      case .gotBase: address &+= GOT
      }
      return .slot(address, byteCount: kind.byteCount)
    default: return .number(Int64(bitPattern: value))
    }
  }

  /// What the addend makes up for: that the distance counts from the end of the field, or from its middle.
  private var branchBias: UInt64 { isCode && !images.idioms.addendSelectsTarget ? A : 0 }
}

extension SlotKind {
  /// Bytes that such a slot takes.
  fileprivate var byteCount: Int {
    switch self {
    case .address, .threadPointerOffset, .moduleOffset: 8
    case .moduleAndOffset, .module, .descriptor: 16
    }
  }
}
