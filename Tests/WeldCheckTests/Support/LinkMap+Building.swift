import WeldCheck
import WeldELF
import WeldLink
import WeldMemory

extension LinkMap {
  /// Adds a section; one without contents is zero-fill memory of `byteCount` bytes. Returns its position.
  @discardableResult
  mutating func add(
    _ name: String, of file: String, at address: UInt64, _ contents: [UInt8] = [], byteCount: Int? = nil,
    protection: Protection = .read
  ) -> Int {
    sections.append(
      Section(
        file: file, index: file.isEmpty ? nil : sections.count + 1, name: name,
        address: Address(rawValue: address), byteCount: byteCount ?? contents.count, protection: protection,
        contents: contents))
    return sections.count - 1
  }

  /// Adds a symbol, `offset` bytes into the section at position `section`.
  mutating func add(
    symbol name: String, in section: Int, offset: UInt64 = 0, binding: SymbolBinding = .global,
    type: SymbolType = .none
  ) {
    symbols.append(
      Symbol(
        name: name, file: sections[section].file, section: section,
        address: sections[section].address.advanced(by: offset), byteCount: 0, binding: binding, type: type))
  }

  /// Adds a symbol that is not in a section.
  mutating func add(
    symbol name: String, at address: UInt64, file: String = "", binding: SymbolBinding = .global
  ) {
    symbols.append(
      Symbol(
        name: name, file: file, section: nil, address: Address(rawValue: address), byteCount: 0,
        binding: binding, type: .none))
  }

  /// Adds a slot of the GOT.
  mutating func add(
    slot symbol: String, of file: String, at address: UInt64, kind: SlotKind = .address, addend: Int64 = 0
  ) {
    slots.append(
      Slot(file: file, symbol: symbol, addend: addend, kind: kind, address: Address(rawValue: address)))
  }

  /// Adds a stub.
  mutating func add(
    stub symbol: String, of file: String, _ section: String, at address: UInt64, kind: String = "call"
  ) {
    stubs.append(
      Stub(
        file: file, section: section, symbol: symbol, kind: kind, address: Address(rawValue: address),
        byteCount: 16, target: .zero))
  }

  /// The value of `expression`.
  func value(
    of expression: String, disassembler: Disassembler = Disassembler()
  ) throws(CheckError) -> UInt64 {
    let check = Check("\(expression) = 0", file: "test", line: 1)
    switch Checker(self, disassembler: disassembler).results(of: [check])[0].outcome {
    case .holds: return 0
    case .isFalse(let left, _): return left
    case .hasNoValue(let error): throw error
    }
  }
}
