import Weld

/// What `weld inspect` says of a file; the keys of its JSON are these names.
struct FileReport: Encodable {
  var file: String
  /// `object`, `archive` or `thin archive`.
  var kind: String
  /// What the archive's symbol index says; absent for an object, and for an archive without one.
  var index: [IndexReport]?
  /// The object itself, or the members of the archive.
  var objects: [ObjectReport]
  /// Members of the archive that are no objects that can be read.
  var unreadable: [UnreadableReport]?

  struct IndexReport: Encodable {
    var symbol: String
    var member: String
  }

  struct UnreadableReport: Encodable {
    var member: String
    var reason: String
  }

  init(of input: LinkInput) throws {
    switch input {
    case .object(let object):
      file = object.name
      kind = "object"
      objects = [ObjectReport(of: object)]
    case .archive(let archive):
      file = archive.name
      kind = archive.isThin ? "thin archive" : "archive"
      objects = []
      var failures: [UnreadableReport] = []
      for member in archive.members {
        do {
          objects.append(ObjectReport(of: try archive.linkObject(of: member)))
        } catch {
          failures.append(UnreadableReport(member: archive.name(of: member), reason: error.description))
        }
      }
      unreadable = failures.isEmpty ? nil : failures
      do {
        index = try archive.symbolIndex()?.map { entry in
          IndexReport(
            symbol: String(decoding: archive.nameBytes(of: entry)),
            member: archive.name(of: archive.members[entry.member]))
        }
      } catch {
        throw LinkError.malformed(error)
      }
    }
  }
}

/// What is in one object. Numbers are in bytes unless they are indices.
struct ObjectReport: Encodable {
  var file: String
  var machine: String
  var byteOrder: String
  var type: String
  var flags: UInt32
  var osABI: UInt8
  var sections: [SectionReport]
  var symbols: [SymbolReport]
  var relocations: [RelocationReport]
  var groups: [GroupReport]

  struct SectionReport: Encodable {
    var index: Int
    var name: String
    var type: String
    var flags: String
    var offset: UInt64
    var size: UInt64
    var alignment: UInt64
    var entrySize: UInt64
    var link: UInt32
    var info: UInt32
  }

  struct SymbolReport: Encodable {
    var index: Int
    var name: String
    var value: UInt64
    var size: UInt64
    var binding: String
    var type: String
    var visibility: String
    /// The section's name, or `undefined`, `absolute`, `common`, `large common`.
    var place: String
    /// Bits of `st_other` beside the visibility.
    var other: UInt8
  }

  struct RelocationReport: Encodable {
    /// The section that is relocated.
    var section: String
    var sectionIndex: UInt32
    var offset: UInt64
    var type: String
    var symbol: String
    /// Absent in a table without addends.
    var addend: Int64?
  }

  struct GroupReport: Encodable {
    var signature: String
    var isCOMDAT: Bool
    var members: [String]
  }

  init(of object: ObjectFile) {
    file = object.name
    machine = object.header.machine.description
    byteOrder = object.header.byteOrder == .little ? "little" : "big"
    type = object.header.type.description
    flags = object.header.flags
    osABI = object.header.osABI
    sections = []
    relocations = []
    symbols = []
    groups = []
    for number in 0..<object.sectionCount {
      let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
      sections.append(
        SectionReport(
          index: number, name: object.name(of: section), type: section.type.description,
          flags: section.flags.description, offset: section.offset, size: section.size,
          alignment: section.alignment,
          entrySize: section.entrySize, link: section.link, info: section.info))
      if section.type == .rela || section.type == .rel { addRelocations(of: object, in: section) }
    }
    let list = object.symbols
    for index in 0..<list.count {
      let symbol = list[index]
      symbols.append(
        SymbolReport(
          index: index, name: object.name(of: symbol), value: symbol.value, size: symbol.size,
          binding: symbol.binding.description, type: symbol.type.description,
          visibility: symbol.visibility.description, place: Self.place(of: symbol, in: object),
          other: symbol.other & ~3))
    }
    groups = object.groupSections.map { index in
      let group = object.group(at: index)
      return GroupReport(
        signature: String(decoding: object.signatureBytes(of: group)), isCOMDAT: group.isCOMDAT,
        members: group.members.map { object.sectionName($0) })
    }
  }

  private mutating func addRelocations(of object: ObjectFile, in section: SectionHeader) {
    let table = object.relocations(in: section)
    let target = object.sectionName(SectionIndex(rawValue: section.info))
    for number in 0..<table.count {
      let relocation = table[number]
      let index = Int(relocation.symbol.rawValue)
      let symbol: String =
        if index == 0 {
          ""
        } else if index < object.symbolCount {
          object.name(of: object.symbol(at: relocation.symbol))
        } else {
          "symbol \(index), which is not there"
        }
      relocations.append(
        RelocationReport(
          section: target, sectionIndex: section.info, offset: relocation.offset,
          type: object.header.machine.relocationName(relocation.type), symbol: symbol,
          addend: table.hasAddends ? relocation.addend : nil))
    }
  }

  private static func place(of symbol: Symbol, in object: ObjectFile) -> String {
    switch symbol.place {
    case .undefined: "undefined"
    case .absolute: "absolute"
    case .common: "common"
    case .largeCommon: "large common"
    case .section(let index): object.sectionName(index)
    }
  }
}
