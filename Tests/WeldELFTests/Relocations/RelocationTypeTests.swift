import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Names and numbers of relocation types")
struct RelocationTypeTests {
  struct Target: Sendable, CustomTestStringConvertible {
    var machine: Machine
    var order: ByteOrder
    /// All types that have a name here.
    var types: [UInt32: String]
    /// How many of them `llvm-readobj` 19 knows at least.
    var known: Int

    var testDescription: String { "\(machine)" }

    init<T: RelocationType>(_ machine: Machine, _ order: ByteOrder, _: T.Type, known: Int) {
      self.machine = machine
      self.order = order
      self.known = known
      types = Dictionary(T.allCases.map { ($0.rawValue, $0.name) }) { first, _ in first }
    }
  }

  static let targets = [
    Target(.x86_64, .little, X86_64Relocation.self, known: 40),
    Target(.ppc64, .little, PPC64Relocation.self, known: 100),
    Target(.s390, .big, S390XRelocation.self, known: 60),
  ]

  @Test(arguments: targets)
  func `are those of llvm-readobj, as far as it knows them`(target: Target) throws {
    var writer = ObjectWriter(machine: target.machine, byteOrder: target.order)
    let section = writer.addSection(".data", flags: [.alloc, .write], contents: [])
    for type in 0..<256 as Range<UInt32> {
      writer.addRelocation(type, in: section, at: 0, to: nil, addend: 0)
    }
    let folder = try TemporaryFolder()
    try folder.write(writer.bytes(), to: "all.o")
    let relocations = try #require(try readobj([folder.url.appending(path: "all.o").path]).first)[
      "Relocations"]
    let theirs = relocations.list[0]["Relocs"].list.map { $0["Relocation"]["Type"] }
    #expect(theirs.count == 256)
    var same = 0
    for type in theirs where type["Name"].text != "Unknown" {
      let number = UInt32(type["Value"].number)
      // The s390x psABI says how wide the field is.
      let name = type["Name"].text == "R_390_GOTOFF" ? "R_390_GOTOFF32" : type["Name"].text
      #expect(target.machine.relocationName(number) == name)
      same += 1
    }
    #expect(same >= target.known)
    for (number, name) in target.types { #expect(target.machine.relocationName(number) == name) }
  }

  @Test func `a number without a name is said as it is`() {
    #expect(Machine.x86_64.relocationName(0xffff_ffff) == "relocation type 4294967295")
    #expect(Machine.riscv.relocationName(2) == "relocation type 2")
  }
}
