import Testing
import WeldELF
import WeldLink
import WeldMemory

/// An instruction or datum, and what a relocation makes of it.
struct InstructionRow: Sendable, CustomTestStringConvertible {
  let machine: CrossMachine
  /// The relocation type.
  let name: String
  let number: UInt32
  let addend: Int64
  /// Where the field is, in bytes from the instruction's start.
  let offset: UInt64
  /// The instruction as it is assembled and in the end.
  let code: [UInt8]
  let completed: [UInt8]
  /// The latter as the disassembler has it; `nil` for data.
  let text: String?

  var testDescription: String { "\(name): \(text ?? "data")" }

  /// Where things are: the instruction, a section whose symbol is 0x10 bytes into it, the slot that is read.
  struct Place {
    var text: UInt64
    var target: UInt64
    var slot: UInt64
    var gotBase: UInt64
  }

  init(
    _ machine: CrossMachine, _ type: (String, UInt32), _ addend: Int64, _ offset: UInt64, _ code: String,
    _ completed: String, _ text: String?
  ) {
    self.machine = machine
    (name, number) = type
    self.addend = addend
    self.offset = offset
    self.code = Array(hex: code)
    self.completed = Array(hex: completed)
    self.text = text
  }

  /// The bytes that Weld makes of it.
  func linked(_ place: Place) throws -> [UInt8] {
    let isThreadLocal = (PPC64LERows.all + S390XRows.all).contains { $0.name == name && $0.model != nil }
    var object = machine.writer
    let target = object.addSection(
      ".target", flags: isThreadLocal ? [.alloc, .write, .tls] : [.alloc, .write], alignment: 8,
      contents: [UInt8](repeating: 0, count: 0x20))
    let text = object.addText(code)
    let symbol = object.addSymbol("target", in: target, at: 0x10, type: isThreadLocal ? .tls : .object)
    object.addRelocation(number, in: text, at: offset, to: symbol, addend: addend)
    let image = try LinkedImage(object.object(), gotBase: place.gotBase)
    try image.map(".text", to: place.text)
    try image.map(".target", to: place.target)
    try image.mapIfThere(.got, to: place.slot)
    try image.resolve()
    return try image.contents(".text")
  }
}
