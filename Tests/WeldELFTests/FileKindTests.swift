import Testing
import WeldBytes
import WeldELF

@Suite("What a file is")
struct FileKindTests {
  struct Row: Sendable {
    var bytes: [UInt8]
    var kind: FileKind
  }

  static let rows: [Row] = [
    Row(bytes: [0x7f, 0x45, 0x4c, 0x46], kind: .elf),
    Row(bytes: [0x7f, 0x45, 0x4c], kind: .unknown),
    Row(bytes: Array("!<arch>\n".utf8), kind: .archive),
    Row(bytes: Array("!<thin>\n".utf8), kind: .thinArchive),
    Row(bytes: Array("!<arch>".utf8), kind: .text),
    Row(bytes: [0x42, 0x43, 0xc0, 0xde, 0], kind: .bitcode),
    Row(bytes: [0xde, 0xc0, 0x17, 0x0b, 0], kind: .bitcode),
    Row(bytes: [0xcf, 0xfa, 0xed, 0xfe, 7], kind: .machO),
    Row(bytes: [0xfe, 0xed, 0xfa, 0xce, 7], kind: .machO),
    Row(bytes: [0xca, 0xfe, 0xba, 0xbe, 0], kind: .machO),
    Row(bytes: [0x64, 0x86, 0x02, 0x00, 0], kind: .coff),
    Row(bytes: Array("MZ\u{0}\u{1}".utf8), kind: .coff),
    Row(bytes: Array("#!/bin/sh\necho\n".utf8), kind: .text),
    Row(bytes: Array("größe\t\r\n\u{c}".utf8), kind: .text),
    Row(bytes: [0x61], kind: .text),
    Row(bytes: [], kind: .unknown),
    Row(bytes: [0x61, 0x00], kind: .unknown),
    Row(bytes: [0x61, 0x62, 0x63, 0x7f], kind: .unknown),
    Row(bytes: [UInt8](repeating: 0x61, count: 256) + [0], kind: .text),
    Row(bytes: [UInt8](repeating: 0x61, count: 255) + [0], kind: .unknown),
  ]

  @Test(arguments: rows)
  func `the first bytes tell`(row: Row) {
    let kind = FileKind(of: row.bytes.span.bytes)
    #expect(kind == row.kind)
  }
}
