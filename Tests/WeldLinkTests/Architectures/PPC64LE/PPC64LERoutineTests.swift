import Testing
import WeldBytes
import WeldELF
import WeldLink

@Suite("ELFv2 2.3.3: routines that save and restore registers")
struct PPC64LERoutineTests {
  /// A family of routines: its first register, and the text of an entry and of the end.
  struct Family: Sendable, CustomTestStringConvertible {
    let name: String
    let first: Int
    let step: @Sendable (Int) -> [String]
    let end: [String]
    var testDescription: String { name }
  }

  static let families: [Family] = [
    Family(
      name: "_savegpr0_", first: 14, step: { ["std \($0), \(($0 - 32) * 8)(1)"] },
      end: ["std 0, 16(1)", "blr"]),
    Family(
      name: "_restgpr0_", first: 14, step: { ["ld \($0), \(($0 - 32) * 8)(1)"] },
      end: ["ld 0, 16(1)", "mtlr 0", "blr"]),
    Family(name: "_savegpr1_", first: 14, step: { ["std \($0), \(($0 - 32) * 8)(12)"] }, end: ["blr"]),
    Family(name: "_restgpr1_", first: 14, step: { ["ld \($0), \(($0 - 32) * 8)(12)"] }, end: ["blr"]),
    Family(
      name: "_savefpr_", first: 14, step: { ["stfd \($0), \(($0 - 32) * 8)(1)"] },
      end: ["std 0, 16(1)", "blr"]),
    Family(
      name: "_restfpr_", first: 14, step: { ["lfd \($0), \(($0 - 32) * 8)(1)"] },
      end: ["ld 0, 16(1)", "mtlr 0", "blr"]),
    Family(
      name: "_savevr_", first: 20, step: { ["li 12, \(($0 - 32) * 16)", "stvx \($0), 12, 0"] }, end: ["blr"]),
    Family(
      name: "_restvr_", first: 20, step: { ["li 12, \(($0 - 32) * 16)", "lvx \($0), 12, 0"] }, end: ["blr"]),
  ]

  @Test(arguments: families)
  func `each saves its register and all after it`(family: Family) throws {
    let calls = (family.first...31).map { "bl \(family.name)\($0)" }.joined(separator: "\n")
    let image = try CrossImage(.ppc64le, ".text\n\(calls)")
    let start = try image.section(".text").address.rawValue
    let entry = family.step(family.first).count * 4
    let expected = (family.first...31).flatMap(family.step) + family.end
    let whole = try image.address("\(family.name)\(family.first)")
    let code = try image.bytes(at: whole, count: expected.count * 4)
    #expect(try CrossMachine.ppc64le.text(of: code) == expected)
    for number in family.first...31 {
      let target = try image.branchTarget(at: start + UInt64(number - family.first) * 4)
      #expect(target == whole + UInt64((number - family.first) * entry))
      #expect(try target == image.address("\(family.name)\(number)"))
    }
  }

  @Test func `the assembler makes the same of what they say`() throws {
    // The texts above, assembled, are the bytes: no disassembler stands between.
    for family in Self.families {
      let source = (family.first...31).flatMap(family.step) + family.end
      // The assembler wants the register that is not added called 0, as the text has it.
      let object = try CrossMachine.ppc64le.object("a.o", ".text\n" + source.joined(separator: "\n"))
      let text = object.section(at: try object.index(of: ".text"))
      let image = try CrossImage(.ppc64le, ".text\nbl \(family.name)\(family.first)")
      let code = try image.bytes(
        at: image.address("\(family.name)\(family.first)"), count: text.fileRange.count)
      for offset in 0..<code.count {
        let expected: UInt8 = try object.bytes.span.load(
          at: text.fileRange.lowerBound + offset, order: .little)
        #expect(code[offset] == expected, "\(family.name) \(offset)")
      }
    }
  }

  @Test func `an object's own routine prevails`() throws {
    let image = try CrossImage(.ppc64le, ".text\nbl _savegpr0_31\n.globl _savegpr0_31\n_savegpr0_31: blr")
    let start = try image.section(".text").address.rawValue
    #expect(try image.branchTarget(at: start) == start + 4)
  }

  @Test func `nobody has them who does not want them`() throws {
    let image = try CrossImage(.ppc64le, ".text\nblr")
    #expect(!image.map.sections.contains { $0.name.contains("gpr") })
  }
}
