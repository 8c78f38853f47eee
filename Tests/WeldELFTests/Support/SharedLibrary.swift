import Foundation
import WeldBytes
import WeldELF

/// A small shared library, linked by the system's linker.
enum SharedLibrary {
  static func make() throws -> [UInt8] {
    var writer = ObjectWriter(machine: .x86_64, byteOrder: .little)
    let text = writer.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16, contents: [0xc3, 0xc3])
    _ = writer.addSymbol("exported", in: text, size: 1, type: .function)
    _ = writer.addSymbol("second", in: text, at: 1, size: 1, type: .function, binding: .weak)
    _ = writer.addUndefinedSymbol("imported")
    let folder = try TemporaryFolder()
    try folder.write(writer.bytes(), to: "library.o")
    try Tool("ld")(["-shared", "-o", "library.so", "library.o"], in: folder.url)
    return try folder.read("library.so")
  }
}
