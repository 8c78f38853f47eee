import Weld

/// The contents of `map.json`. `docs/weld-command.md` says what its keys mean.
enum LinkMapReport {
  /// The report of `map`, whose sections' bytes are in `files`.
  static func json(of map: LinkMap, files: [String?]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.line("machine") { $0.string(machineName(of: map)) }
    json.line("byte_order") { $0.string(map.byteOrder == .big ? "big" : "little") }
    json.line("toc_base") { $0.address(map.tocBase) }
    json.line("got_base") { $0.address(map.gotBase) }
    json.lines("sections", map.sections.indices) { $0.section(map.sections[$1], files[$1]) }
    json.lines("symbols", map.symbols) { $0.symbol($1) }
    json.lines("got", map.slots) { $0.slot($1) }
    json.lines("stubs", map.stubs) { $0.stub($1) }
    json.lines("relocations", map.relocations) { $0.relocation($1, in: map) }
    json.endLine()
    json.endObject()
    json.endLine()
    return json.bytes
  }

  /// The machine's name, which also says which of the two machines it is that ELF has one number for.
  private static func machineName(of map: LinkMap) -> String {
    map.machine == .ppc64 && map.byteOrder == .little ? "ppc64le" : map.machine.description
  }
}

// MARK: - Lines

extension JSONWriter {
  fileprivate mutating func line(_ key: String, _ value: (inout JSONWriter) -> Void) {
    beginLine(indentation: 2)
    self.key(key)
    value(&self)
  }

  fileprivate mutating func lines<Elements: Collection>(
    _ key: String, _ elements: Elements, _ members: (inout JSONWriter, Elements.Element) -> Void
  ) {
    self.line(key) { json in
      json.beginArray()
      for element in elements {
        json.beginLine(indentation: 4)
        json.beginObject()
        members(&json, element)
        json.endObject()
      }
      json.endLine(indentation: 2)
      json.endArray()
    }
  }
}

// MARK: - Entries

extension JSONWriter {
  fileprivate mutating func address(_ address: Address?) {
    if let address { hexadecimal(address.rawValue) } else { null() }
  }

  private mutating func member(_ key: String, _ value: String) {
    self.key(key)
    string(value)
  }

  private mutating func member(_ key: String, _ value: some BinaryInteger) {
    self.key(key)
    number(value)
  }

  private mutating func member(_ key: String, _ value: Int?) {
    self.key(key)
    if let value { number(value) } else { null() }
  }

  private mutating func member(_ key: String, _ value: Address) {
    self.key(key)
    address(value)
  }

  fileprivate mutating func section(_ section: LinkMap.Section, _ file: String?) {
    member("file", section.file)
    member("index", section.index)
    member("name", section.name)
    member("address", section.address)
    member("size", section.byteCount)
    member("protection", section.protection.description)
    key("bytes")
    if let file { string(file) } else { null() }
  }

  fileprivate mutating func symbol(_ symbol: LinkMap.Symbol) {
    member("name", symbol.name)
    member("file", symbol.file)
    member("section_position", symbol.section)
    member("address", symbol.address)
    member("size", symbol.byteCount)
    member("binding", symbol.binding.description)
    member("type", symbol.type.description)
  }

  fileprivate mutating func slot(_ slot: LinkMap.Slot) {
    member("file", slot.file)
    member("symbol", slot.symbol)
    member("addend", slot.addend)
    member("kind", name(of: slot.kind))
    member("address", slot.address)
  }

  /// One word for each kind of content: an address, an offset, a module (and an offset in it), a descriptor.
  private func name(of kind: SlotKind) -> String {
    switch kind {
    case .address: "address"
    case .threadPointerOffset, .moduleOffset: "tls-offset"
    case .moduleAndOffset, .module: "tls-module"
    case .descriptor: "tls-descriptor"
    }
  }

  fileprivate mutating func stub(_ stub: LinkMap.Stub) {
    member("file", stub.file)
    member("section", stub.section)
    member("symbol", stub.symbol)
    member("kind", stub.kind)
    member("address", stub.address)
    member("size", stub.byteCount)
    member("target", stub.target)
  }

  fileprivate mutating func relocation(_ relocation: LinkMap.Relocation, in map: LinkMap) {
    member("file", relocation.file)
    member("section", map.sections[relocation.section].name)
    member("section_position", relocation.section)
    member("offset", relocation.offset)
    member("type", map.machine.relocationName(relocation.type))
    member("symbol", relocation.symbol)
    member("addend", relocation.addend)
    member("via", relocation.via.rawValue)
    member("target", relocation.target)
    key("relaxed")
    boolean(relocation.isRelaxed)
    key("inputs")
    beginObject()
    for input in relocation.inputs {
      key(input.letter)
      hexadecimal(input.value)
    }
    endObject()
    member("change_offset", relocation.changeOffset)
    key("before")
    hexadecimal(relocation.before)
    key("after")
    hexadecimal(relocation.after)
  }
}
