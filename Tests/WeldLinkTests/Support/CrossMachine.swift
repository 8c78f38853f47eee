import Testing
import WeldBytes
import WeldELF

/// A machine that this one only links for, and the tools that know it.
enum CrossMachine: String, Sendable, CustomTestStringConvertible {
  case ppc64le, s390x

  var testDescription: String { rawValue }

  var machine: Machine { self == .ppc64le ? .ppc64 : .s390 }
  var byteOrder: ByteOrder { self == .ppc64le ? .little : .big }
  /// What the names of GNU's tools begin with.
  var prefix: String { self == .ppc64le ? "powerpc64le-linux-gnu-" : "s390x-linux-gnu-" }
  /// Whether the addend of a relocation that uses a slot says which address the slot holds.
  var addendSelectsTarget: Bool { self == .ppc64le }

  /// An empty object.
  var writer: ObjectWriter { ObjectWriter(machine: machine, byteOrder: byteOrder) }

  /// The object that GNU `as` makes of `source`; errors call it `name`.
  func object(_ name: String, _ source: String, options: [String]? = nil) throws -> ObjectFile {
    let folder = try TemporaryFolder()
    let usual = self == .ppc64le ? ["-a64", "-mpower10"] : ["-m64", "-march=arch14"]
    try Tool(prefix + "as")((options ?? usual) + ["-o", "object.o", "-"], in: folder, input: source + "\n")
    return try ObjectFile(Bytes(folder.read("object.o")), name: name)
  }

  /// The instructions that `code` is, as `llvm-mc` has them.
  func text(of code: [UInt8]) throws -> [String] {
    let input = code.map { "0x" + String($0, radix: 16) }.joined(separator: " ") + "\n"
    let options =
      self == .ppc64le ? ["--triple=powerpc64le", "--mcpu=pwr10"] : ["--triple=s390x", "--mcpu=z16"]
    let output = try Tool("llvm-mc-19")(["--disassemble"] + options, in: TemporaryFolder(), input: input)
    return output.split(separator: "\n").map { line in
      line.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }.filter { $0 != ".text" }
  }
}

extension [UInt8] {
  /// The lowest `byteCount` bytes of `value`.
  init(_ value: UInt64, byteCount: Int, _ order: ByteOrder) {
    let bytes = [UInt8](value, byteCount: byteCount)
    self = order == .little ? bytes : bytes.reversed()
  }

  /// The integer of `byteCount` bytes at `offset`.
  func integer(at offset: Int, byteCount: Int, _ order: ByteOrder) -> UInt64 {
    let bytes = self[offset..<offset + byteCount]
    return (order == .little ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The bytes as words of `byteCount` bytes.
  func words(of byteCount: Int, _ order: ByteOrder) -> [UInt64] {
    stride(from: 0, through: count - byteCount, by: byteCount).map {
      integer(at: $0, byteCount: byteCount, order)
    }
  }
}

extension ObjectWriter {
  mutating func relocate(
    _ section: SectionID, at offset: UInt64, _ type: PPC64Relocation, _ symbol: SymbolID?, _ addend: Int64 = 0
  ) {
    addRelocation(type.rawValue, in: section, at: offset, to: symbol, addend: addend)
  }

  mutating func relocate(
    _ section: SectionID, at offset: UInt64, _ type: S390XRelocation, _ symbol: SymbolID?, _ addend: Int64 = 0
  ) {
    addRelocation(type.rawValue, in: section, at: offset, to: symbol, addend: addend)
  }
}
