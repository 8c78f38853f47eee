import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("What objects expect of their addresses")
struct AddressNeedsTests {
  /// Source, and whether it must lie below 2 GiB.
  static let rows: [(source: String, isLow: Bool)] = [
    ("mov $variable, %edi\n.data\nvariable: .long 0", true),
    ("mov $variable, %rdi\n.data\nvariable: .long 0", true),
    ("mov $elsewhere, %edi", true),
    ("lea variable(%rip), %rdi\n.data\nvariable: .long 0", false),
    ("movabs $variable, %rdi\n.data\nvariable: .long 0", false),
    ("mov elsewhere@GOTPCREL(%rip), %rdi\ncall elsewhere", false),
    // Numbers, and what may be 0, fit anywhere.
    ("mov $constant, %edi\n.globl constant\nconstant = 42", false),
    ("mov $maybe, %edi\n.weak maybe", false),
    // Debug information has offsets in 32 bits.
    ("nop\n.section .debug_info, \"\", @progbits\n.long .text", false),
    ("", false),
  ]

  @Test(arguments: rows)
  func `addresses in 32 bits of loaded sections must be low`(source: String, isLow: Bool) throws {
    let object = try Assembler.object("a.o", source)
    #expect(try AddressNeeds.wantsLowAddresses([object]) == isLow)
    // One object is enough.
    let other = try Assembler.object("b.o", "nop")
    #expect(try AddressNeeds.wantsLowAddresses([other, object]) == isLow)
  }

  @Test func `no objects need nothing`() throws {
    #expect(try !AddressNeeds.wantsLowAddresses([]))
  }

  @Test(arguments: [
    "x86_64/sieve.o", "x86_64/codemodel/gcc_large_pic.o", "x86_64/symbols/common.o",
    "x86_64/sections/sections.o",
    "x86_64/cxx/exceptions_pic.o",
  ])
  func `a window of the size foretold has room`(path: String) throws {
    let objects = [try TestObjects.object(path)]
    let byteCount = AddressNeeds.windowByteCount(for: objects)
    let linker = RuntimeDyld(memory: try MappedMemory(windowByteCount: byteCount), lookup: CountingLookup())
    for object in objects { try linker.load(object) }
    #expect(try !linker.sections().isEmpty)
  }
}
