import Testing
import WeldBytes
import WeldELF
import WeldLink

@Suite("64-bit Power: objects of other ABIs")
struct PPC64LEABITests {
  /// An object with `e_flags`, in which the ABI stands.
  private func object(_ flags: UInt32, _ order: ByteOrder = .little) throws -> ObjectFile {
    var object = ObjectWriter(machine: .ppc64, byteOrder: order)
    object.flags = flags
    _ = object.addText([0, 0, 0, 0])
    return try object.object()
  }

  @Test(arguments: [0, 2] as [UInt32])
  func `ELFv2 is linked, and what depends on no ABI`(flags: UInt32) throws {
    _ = try CrossImage(.ppc64le, [object(flags)])
  }

  @Test func `ELFv1 is refused by its name`() throws {
    let error = LinkError.unsupportedABI(
      file: "a.o", found: "ppc64 of the ABI ELFv1", expected: "ppc64le (ELFv2)")
    #expect(throws: error) { try CrossImage(.ppc64le, [object(1)]) }
  }

  @Test func `a number without meaning is refused`() throws {
    let error = LinkError.unsupportedABI(
      file: "a.o", found: "ppc64 of an unknown ABI (e_flags 3)", expected: "ppc64le (ELFv2)")
    #expect(throws: error) { try CrossImage(.ppc64le, [object(3)]) }
  }

  @Test(arguments: [0, 1, 2] as [UInt32])
  func `big-endian objects are refused by their name, whatever ABI they have`(flags: UInt32) throws {
    let error = LinkError.unsupportedABI(
      file: "a.o", found: "big-endian \(Machine.ppc64)", expected: "ppc64le (ELFv2)")
    #expect(throws: error) { try CrossImage(.ppc64le, [object(flags, .big)]) }
  }

  @Test func `little-endian objects for s390x are refused by their name`() throws {
    var object = ObjectWriter(machine: .s390, byteOrder: .little)
    _ = object.addText([0, 0])
    let file = try object.object()
    let error = LinkError.unsupportedABI(
      file: "a.o", found: "little-endian \(Machine.s390)", expected: "s390x")
    #expect(throws: error) { try CrossImage(.s390x, [file]) }
  }
}
