import WeldELF

/// An instruction that reads the GOT slot of `target` and may be rewritten into one that does without (psABI
/// 1.0, section B.2), as these tests assemble and expect it.
struct GOTInstruction: Sendable {
  let operation: Operation
  /// The number of the register; 0 for branches.
  let register: Int
  /// Whether the operand has 64 bits.
  let isWide: Bool
  let prefix: Prefix

  enum Operation: UInt8, CaseIterable, Sendable {
    case add = 0x03
    case or = 0x0b
    case adc = 0x13
    case sbb = 0x1b
    case and = 0x23
    case sub = 0x2b
    case xor = 0x33
    case cmp = 0x3b
    case test = 0x85
    case mov = 0x8b
    case call = 0x15
    case jmp = 0x25

    var isBranch: Bool { self == .call || self == .jmp }
  }

  enum Prefix: Sendable { case none, rex, rex2 }

  /// The type that goes with the prefix.
  var type: X86_64Relocation {
    switch prefix {
    case .none: .R_X86_64_GOTPCRELX
    case .rex: .R_X86_64_REX_GOTPCRELX
    case .rex2: .R_X86_64_CODE_4_GOTPCRELX
    }
  }

  /// The instruction with an empty field, which is its last four bytes.
  var code: [UInt8] {
    let low = UInt8(register & 7) << 3
    let r3 = UInt8(register >> 3 & 1) << 2
    let r4 = UInt8(register >> 4 & 1) << 6
    let wide: UInt8 = isWide ? 8 : 0
    let start: [UInt8] =
      switch prefix {
      case .none: []
      case .rex: [0x40 | wide | r3]
      case .rex2: [0xd5, wide | r3 | r4]
      }
    let rest: [UInt8] =
      operation.isBranch ? [0xff, operation.rawValue] : [operation.rawValue, 0x05 | low]
    return start + rest + [0, 0, 0, 0]
  }

  /// The register's name.
  private var operand: String {
    let names = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
    if register < 8 { return (isWide ? "%r" : "%e") + names[register] }
    return "%r\(register)" + (isWide ? "" : "d")
  }
  private var suffix: String { isWide ? "q" : "l" }

  /// What it reads as with `displacement` in its field.
  func text(loadingFrom displacement: Int64) -> String {
    let memory = displacement == 0 ? "(%rip)" : "\(displacement)(%rip)"
    switch operation {
    case .call: return "callq *\(memory)"
    case .jmp: return "jmpq *\(memory)"
    case .test: return "test\(suffix) \(operand), \(memory)"
    default: return "\(operation)\(suffix) \(memory), \(operand)"
    }
  }

  /// What it must read as once the slot, whose content is `S`, can be done without; `P` is the address of its
  /// field.
  func text(S: UInt64, slot: UInt64, P: UInt64) -> String {
    let displacement = Int64(bitPattern: S &- P &- 4)
    // The branch of a `jmp` ends one byte earlier than the instruction it replaces.
    let isInReach = Int32(exactly: operation == .jmp ? displacement &+ 1 : displacement) != nil
    let fits = isWide ? Int32(exactly: Int64(bitPattern: S)) != nil : UInt32(exactly: S) != nil
    switch operation {
    case .call where isInReach: return "addr32 callq \(displacement)"
    case .jmp where isInReach: return "jmp \(displacement + 1); nop"
    case .mov where isInReach: return "lea\(suffix) \(displacement)(%rip), \(operand)"
    case .call, .jmp: break
    case _ where fits: return "\(operation)\(suffix) $\(S), \(operand)"
    default: break
    }
    return text(loadingFrom: Int64(bitPattern: slot &- P &- 4))
  }

  /// Every operation with every register, operand size and prefix that can say it.
  static let all: [GOTInstruction] = {
    var all: [GOTInstruction] = []
    for operation in Operation.allCases where !operation.isBranch {
      for isWide in [false, true] {
        for register in 0..<32 {
          func add(_ prefix: Prefix) {
            all.append(
              GOTInstruction(operation: operation, register: register, isWide: isWide, prefix: prefix))
          }
          if register < 8, !isWide { add(.none) }
          if register < 16 { add(.rex) }
          add(.rex2)
        }
      }
    }
    for operation in [Operation.call, .jmp] {
      all.append(GOTInstruction(operation: operation, register: 0, isWide: true, prefix: .none))
    }
    return all
  }()
}
