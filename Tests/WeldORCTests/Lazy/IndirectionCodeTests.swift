import Foundation
import Testing
import Weld

@testable import WeldORC

/// The bytes are those of an assembler; that they work, the suites of real executors show.
@Suite("Code of stubs and trampolines")
struct IndirectionCodeTests {
  static let targets = ["x86_64", "ppc64le", "s390x"]

  private static func target(_ name: String) throws -> ExecutorTarget {
    let triple = try #require(TargetTriple(name))
    return ExecutorTarget(
      triple: name, machine: triple.machine, byteOrder: triple.byteOrder, pageSize: 4096)
  }

  private static func section(_ wanted: String, of name: String) throws -> [UInt8] {
    let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    let file = try Data(contentsOf: URL(filePath: "\(root)/TestObjects/lazy/\(name).o"))
    let object = try ObjectFile(Bytes([UInt8](file)), name: name)
    let index = try #require(
      (1..<object.sectionCount).first {
        object.sectionName(SectionIndex(rawValue: UInt32($0))) == wanted
      })
    let header = object.section(at: SectionIndex(rawValue: UInt32(index)))
    let contents = try object.bytes.extracting(Int(header.offset)..<Int(header.offset + header.size))
    return [UInt8](copying: contents.span)
  }

  @Test(arguments: targets)
  func `is what the assembler makes of its sources`(name: String) throws {
    let code = try #require(indirectionCode(for: try Self.target(name)))
    #expect(
      try Self.section(".text.resolver", of: name).dropFirst(ResolverBlock.byteCount)[...]
        == code.resolver[...])
    // On Power, the assembler knows where the slot is, elsewhere how far it is from the stub.
    let slot = Address(rawValue: 0x1234_5678_9abc_def0)
    let stub = Address(rawValue: slot.rawValue - 0x12340)
    #expect(try Self.section(".text.stub", of: name) == code.stub(at: stub, slot: slot))
    #expect(
      try Self.section(".text.trampoline", of: name)
        == code.trampoline(at: stub, resolver: Address(rawValue: stub.rawValue - 0x1230)))
  }

  @Test(arguments: targets)
  func `is as long as it says`(name: String) throws {
    let code = try #require(indirectionCode(for: try Self.target(name)))
    let place = Address(rawValue: 0x7fff_0000_1000)
    #expect(code.stub(at: place, slot: place).count == code.stubByteCount)
    #expect(code.trampoline(at: place, resolver: place).count == code.trampolineByteCount)
  }

  @Test func `exists for no other machine`() throws {
    for name in ["aarch64", "riscv64", "ppc64", "i386"] {
      #expect(indirectionCode(for: try Self.target(name)) == nil)
    }
  }

  @Test func `of Power adds the lower half of a slot's address with its sign`() throws {
    let code = try #require(indirectionCode(for: try Self.target("ppc64le")))
    for slot in [0, 0x7ff8, 0x8000, 0xffff_8000, 0xffff_fff8, 0x7fff_ffff_fff8, 0x1_0000_0000] as [UInt64] {
      let bytes = code.stub(at: .zero, slot: Address(rawValue: slot))
      func immediate(_ word: Int) -> UInt64 { UInt64(bytes[4 * word]) | UInt64(bytes[4 * word + 1]) << 8 }
      let upper = (immediate(0) << 16 | immediate(1)) << 32 | immediate(3) << 16
      #expect(upper &+ UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: immediate(4)))) == slot)
    }
  }
}
