import Foundation
import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

/// The same objects at the same addresses, linked by Weld and by another linker, byte for byte.
struct LinkComparison {
  /// Relocated fields of loaded sections, frame descriptions aside.
  private(set) var fieldCount = 0
  private(set) var sectionCount = 0
  /// Fields whose instructions differ, by why they may.
  private(set) var explained: [Reason: Int] = [:]
  /// What must not be.
  private(set) var problems: [String] = []

  /// Why bytes may differ.
  enum Reason: String, Sendable {
    /// Both load from a GOT slot, which the linkers put at different places; it holds the same address.
    case slot = "in other slots"
    /// `mov slot, %reg`: GNU ld makes it `mov $S, %reg` of low addresses, Weld, like lld, always `lea S(%rip), %reg`.
    case immediateMove = "mov instead of lea"
    /// GNU ld leaves loads of symbols in large sections alone.
    case keptLoad = "lea instead of a load"
    /// Counted from the base of the GOT, which is not at the same place.
    case base = "from another GOT"
  }

  /// The counts in words.
  var description: String {
    let reasons = explained.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($1) \($0.rawValue)" }
    return "\(fieldCount) fields of \(sectionCount) sections the same"
      + (reasons.isEmpty ? "" : ", of which " + reasons.joined(separator: " and "))
      + (problems.isEmpty ? "" : ", \(problems.count) PROBLEMS")
  }

  private let theirs: StaticLink
  private let image: LinkedImage
  /// What the slots of Weld's GOT hold, by their addresses.
  private var slots: [UInt64: UInt64] = [:]
  /// Where Weld's GOT begins.
  private var base: UInt64 = 0
  /// What `_GLOBAL_OFFSET_TABLE_` is in the other program.
  private let theirBase: UInt64

  /// - Parameters:
  ///   - objects: the objects, called 0.o, 1.o and so on.
  ///   - contents: the same for the other linker.
  ///   - start: where the program begins.
  ///   - relaxes: whether the other linker rewrites instructions.
  ///   - relaxesHere: whether Weld does.
  init(
    _ objects: [ObjectFile], contents: [[UInt8]], by linker: StaticLink.Linker, at start: UInt64,
    relaxes: Bool, relaxesHere: Bool
  ) throws {
    // What the objects want of others is in one more object there, and outside of the link here.
    let names = Self.undefined(objects)
    theirs = try StaticLink(
      contents + [Self.externals(names).bytes()], by: linker, at: start, relaxes: relaxes)
    let last = "\(objects.count).o"
    let base = try theirs.address(of: ".base", of: last)
    theirBase = theirs.bytes(at: base, count: 8)?.words[0] ?? 0
    let first = try theirs.address(of: ".externals", of: last)
    let addresses = zip(names, 0...).map { ($0, first + $1 * 0x1234 + 1) }
    image = try LinkedImage(
      objects, knowing: Dictionary(uniqueKeysWithValues: addresses), relaxes: relaxesHere)
    let pairs = try mapSections(from: start + 0x2000_0000)
    try image.resolve()
    slots = try image.slotContents
    self.base = try image.sections(SyntheticSection.got.rawValue, of: "").first?.address.rawValue ?? 0
    let sections = LoadedSections(objects)
    for pair in pairs { try compare(pair, sections) }
  }

  /// A section of the image, which of its namesakes it is, and where the other linker put it.
  private typealias Pair = (section: RuntimeDyld.Section, number: Int, address: UInt64)

  /// Lets every section lie where the other linker put it, and those that linkers make from `room` on.
  private mutating func mapSections(from room: UInt64) throws -> [Pair] {
    var room = room
    var pairs: [Pair] = []
    var next: [StaticLink.Input: Int] = [:]
    for section in try image.linker.sections() where section.byteCount > 0 {
      var input = StaticLink.Input(file: section.file, section: section.name)
      if section.name == SyntheticSection.common.rawValue {
        // One symbol; the places of several would have to be alike.
        let others = theirs.places.filter { $0.key.section == "COMMON" }
        guard others.count == 1, let found = others.first else {
          problems.append("common symbols of \(others.count) files")
          continue
        }
        input = found.key
      } else if section.file.isEmpty || section.name == ".eh_frame" {
        try image.linker.mapSection(section.id, to: Address(rawValue: room))
        room += UInt64(section.byteCount + 0xffff) / 0x10000 * 0x10000
        continue
      }
      let number = next[input, default: 0]
      next[input] = number + 1
      let places = theirs.places[input] ?? []
      guard number < places.count, places[number].byteCount == section.byteCount else {
        problems.append(
          "\(input.file) \(input.section) of \(section.byteCount) bytes is not in the other program")
        continue
      }
      try image.linker.mapSection(section.id, to: Address(rawValue: places[number].address))
      pairs.append((section, number, places[number].address))
    }
    return pairs
  }

  private mutating func compare(_ pair: Pair, _ sections: LoadedSections) throws {
    let fields = sections.fields(ofFile: pair.section.file, pair.section.name, pair.number)
    sectionCount += 1
    fieldCount += fields.count
    let ours = try image.linker.contents(of: pair.section.id)
    let other = theirs.bytes(at: pair.address, count: ours.count) ?? [UInt8](repeating: 0, count: ours.count)
    guard ours != other else { return }
    var rest = other
    for field in fields {
      let at = Int(field.offset)
      // A rewritten instruction begins up to three bytes before its field.
      let range = max(at - 3, 0)..<min(at + 8, ours.count)
      guard ours[range] != other[range] else { continue }
      let end = at + RelocationRow.byteCount(of: field.type)
      if let reason = explain(ours, other, field, at: pair.address) {
        explained[reason, default: 0] += 1
        rest.replaceSubrange(max(at - 3, 0)..<end, with: ours[max(at - 3, 0)..<end])
      } else if ours[at..<end] != other[at..<end] {
        problems.append("\(pair.section.file) \(pair.section.name)+\(at), type \(field.type)")
        rest.replaceSubrange(at..<end, with: ours[at..<end])
      }
    }
    if rest != ours { problems.append("\(pair.section.file) \(pair.section.name), outside of its fields") }
  }

  /// Why a field differs, if it means the same.
  private func explain(_ ours: [UInt8], _ other: [UInt8], _ field: Relocation, at address: UInt64) -> Reason?
  {
    let at = Int(field.offset)
    let P = address &+ field.offset
    let A = UInt64(bitPattern: field.addend)
    let byteCount = RelocationRow.byteCount(of: field.type)
    let mine = UInt64(bitPattern: ours.signed(at: at, byteCount: byteCount))
    let their = UInt64(bitPattern: other.signed(at: at, byteCount: byteCount))
    let theirSlot = { (slot: UInt64) -> UInt64? in theirs.bytes(at: slot, count: 8)?.words[0] }
    switch RelocationRow.formula(of: field.type) {
    case .GOTAP:
      return mine &+ P &- A == base && their &+ P &- A == theirBase ? .base : nil
    case .SAGOT, .LAGOT:
      return mine &+ base == their &+ theirBase ? .base : nil
    case .GA:
      guard let content = slots[mine &- A &+ base] else { return nil }
      return content == theirSlot(their &- A &+ theirBase) ? .base : nil
    case .GGOTAP where byteCount == 8:
      guard let content = slots[mine &- A &+ P] else { return nil }
      return content == theirSlot(their &- A &+ P) ? .slot : nil
    case .GGOTAP where at >= 3:
      guard let mine = GOTAccess(ours, at: at, P: P, { slots[$0] }),
        let their = GOTAccess(other, at: at, P: P, theirSlot),
        mine.address == their.address, mine.register == their.register
      else { return nil }
      switch (mine.form, their.form) {
      case (.slot, .slot): return ours[at - 2] == other[at - 2] ? .slot : nil
      case (.address, .immediate): return ours[at - 2] == 0x8d && other[at - 2] == 0xc7 ? .immediateMove : nil
      case (.address, .slot): return ours[at - 2] == 0x8d && other[at - 2] == 0x8b ? .keptLoad : nil
      default: return nil
      }
    default: return nil
    }
  }

  /// An object that defines `names`, apart from each other and not aligned, and knows where the GOT begins.
  private static func externals(_ names: [String]) -> ObjectWriter {
    var object = ObjectWriter.x86_64
    let room = object.addZeroSection(".externals", alignment: 16, byteCount: UInt64(names.count + 1) * 0x1234)
    for (number, name) in names.enumerated() {
      _ = object.addSymbol(name, in: room, at: UInt64(number) * 0x1234 + 1, type: .function)
    }
    let base = object.addData([UInt8](repeating: 0, count: 8), name: ".base")
    object.relocate(base, at: 0, .R_X86_64_64, object.addUndefinedSymbol("_GLOBAL_OFFSET_TABLE_"))
    return object
  }

  /// Names that some of the objects want and none defines.
  private static func undefined(_ objects: [ObjectFile]) -> [String] {
    var wanted: Set<String> = []
    var defined: Set<String> = []
    for object in objects {
      guard let table = object.symbolTable else { continue }
      let symbols = object.symbols
      for index in table.firstGlobal..<table.count {
        let symbol = symbols[index]
        let name = object.name(of: symbol)
        if symbol.place == .undefined { wanted.insert(name) } else { defined.insert(name) }
      }
    }
    return wanted.subtracting(defined).subtracting(["_GLOBAL_OFFSET_TABLE_"]).sorted()
  }
}

/// What an instruction that once read a GOT slot has become.
private struct GOTAccess {
  enum Form { case slot, address, immediate }
  var form: Form
  /// The address that it loads, computes, compares with or branches to.
  var address: UInt64
  /// The register, with 0 to 15; nothing for branches.
  var register: UInt8?

  /// Looks at the instruction whose field was at `at`; `nil` if it is none of these.
  init?(_ code: [UInt8], at: Int, P: UInt64, _ slot: (UInt64) -> UInt64?) {
    let value = UInt64(bitPattern: code.signed(at: at, byteCount: 4))
    let opcode = code[at - 2]
    let modRM = code[at - 1]
    let rex = code[at - 3] & 0xf0 == 0x40 ? code[at - 3] : 0
    let reg = modRM >> 3 & 7 | (rex & 4) << 1
    switch opcode {
    case 0x8d where modRM & 0xc7 == 5: self.init(form: .address, address: value &+ P &+ 4, register: reg)
    case 0xc7, 0x81, 0xf7:
      guard modRM & 0xc0 == 0xc0 else { return nil }
      self.init(form: .immediate, address: value, register: modRM & 7 | (rex & 1) << 3)
    case 0x67 where modRM == 0xe8: self.init(form: .address, address: value &+ P &+ 4, register: nil)
    case 0xe9:
      let target = UInt64(bitPattern: code.signed(at: at - 1, byteCount: 4))
      self.init(form: .address, address: target &+ P &+ 3, register: nil)
    default:
      guard modRM & 0xc7 == 5, let content = slot(value &+ P &+ 4) else { return nil }
      self.init(form: .slot, address: content, register: opcode == 0xff ? nil : reg)
    }
  }

  private init(form: Form, address: UInt64, register: UInt8?) {
    self.form = form
    self.address = address
    self.register = register
  }
}

/// The relocations of the sections of objects that are called 0.o, 1.o and so on.
private struct LoadedSections {
  private let objects: [ObjectFile]
  /// For each object the sections of each name that have bytes in memory and are in no group that was there before.
  private var sections: [[String: [SectionIndex]]] = []
  /// For each object the relocation section of each section.
  private var tables: [[SectionIndex: SectionHeader]] = []

  init(_ objects: [ObjectFile]) {
    self.objects = objects
    var signatures: Set<String> = []
    for object in objects {
      var dropped: Set<SectionIndex> = []
      for group in object.groupSections.map({ object.group(at: $0) }) where group.isCOMDAT {
        let signature = object.name(of: object.symbol(at: group.signature))
        if !signatures.insert(signature).inserted { dropped.formUnion(group.members) }
      }
      var own: [String: [SectionIndex]] = [:]
      var tables: [SectionIndex: SectionHeader] = [:]
      for number in 1..<object.sectionCount {
        let index = SectionIndex(rawValue: UInt32(number))
        let header = object.section(at: index)
        if header.type == .rela { tables[SectionIndex(rawValue: header.info)] = header }
        guard header.flags.contains(.alloc), header.size > 0, !dropped.contains(index) else { continue }
        own[object.name(of: header), default: []].append(index)
      }
      sections.append(own)
      self.tables.append(tables)
    }
  }

  /// The relocations of the `number`th of the sections of this name that write something.
  func fields(ofFile file: String, _ name: String, _ number: Int) -> [Relocation] {
    guard let position = Int(file.dropLast(2)), let index = sections[position][name]?[number],
      let header = tables[position][index]
    else { return [] }
    let object = objects[position]
    let table = object.relocations(in: header)
    var fields: [Relocation] = []
    fields.reserveCapacity(table.count)
    for entry in 0..<table.count where RelocationRow.byteCount(of: table[entry].type) > 0 {
      fields.append(table[entry])
    }
    return fields
  }
}

extension RelocationRow {
  private static let byNumber: [RelocationRow?] = {
    var rows = [RelocationRow?](repeating: nil, count: 256)
    for row in all { rows[Int(row.type.rawValue)] = row }
    return rows
  }()

  /// Bytes that a type writes.
  static func byteCount(of number: UInt32) -> Int { byNumber[Int(number)]?.byteCount ?? 0 }
  /// What a type computes.
  static func formula(of number: UInt32) -> Formula { byNumber[Int(number)]?.formula ?? .none }
}
