import Testing
import WeldBytes
import WeldELF

/// Uses everything that `object` hands out, as a linker would, so that whatever was not proven traps here.
///
/// - Returns: what was promised and does not hold.
func walk(_ object: ObjectFile) -> [String] {
  var broken: [String] = []
  var sum: UInt8 = 0
  for number in 0..<object.sectionCount {
    let index = SectionIndex(rawValue: UInt32(number))
    let section = object.section(at: index)
    touch(object.nameBytes(of: section), &sum)
    touch(object.contents(of: section), &sum)
    if section.alignment.nonzeroBitCount != 1, number > 0 { broken.append("alignment of section \(number)") }
    guard section.type == .rela || section.type == .rel, object.header.type == .relocatable else { continue }
    let relocations = object.relocations(in: section)
    for entry in [0, relocations.count / 2, relocations.count - 1]
    where entry >= 0 && entry < relocations.count {
      let symbol = relocations[entry].symbol
      // Which symbol a relocation names is for the linker to prove.
      if Int(symbol.rawValue) < object.symbolCount {
        touch(object.nameBytes(of: object.symbol(at: symbol)), &sum)
      }
    }
    if Int(section.info) >= object.sectionCount { broken.append("target of section \(number)") }
  }
  for number in 0..<object.symbolCount {
    let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(number)))
    touch(object.nameBytes(of: symbol), &sum)
    if case .section(let index) = symbol.place {
      if index == .undefined || Int(index.rawValue) >= object.sectionCount {
        broken.append("section of symbol \(number)")
      } else if symbol.type == .section {
        touch(object.nameBytes(of: object.section(at: index)), &sum)
      }
    }
  }
  for index in object.groupSections {
    let group = object.group(at: index)
    touch(object.signatureBytes(of: group), &sum)
    for member in group.members where member == .undefined || Int(member.rawValue) >= object.sectionCount {
      broken.append("member of group \(index.rawValue)")
    }
  }
  if let table = object.symbolTable, table.firstGlobal > table.count { broken.append("first global symbol") }
  return broken
}

/// Uses everything that `archive` hands out, including the objects in it.
func walk(_ archive: Archive) throws(ELFError) -> [String] {
  var broken: [String] = []
  var sum: UInt8 = 0
  for member in archive.members {
    _ = archive.name(of: member)
    guard !archive.isThin, let contents = try? archive.contents(of: member) else { continue }
    touch(contents.span, &sum)
    if let object = try? archive.object(of: member) { broken += walk(object) }
  }
  for entry in try archive.symbolIndex() ?? [] {
    touch(archive.nameBytes(of: entry), &sum)
    if !archive.members.indices.contains(entry.member) { broken.append("index entry") }
  }
  return broken
}

/// Reads the first and the last byte.
private func touch(_ span: RawSpan, _ sum: inout UInt8) {
  guard span.byteCount > 0 else { return }
  sum ^= (try? span.load(at: 0, order: .little)) ?? 0
  sum ^= (try? span.load(at: span.byteCount - 1, order: .little)) ?? 0
}

/// The bytes of a file in memory of exactly their size, which can be damaged and mended in place.
final class DamagedFile {
  let name: String
  private let types: [FileType]
  private let memory: UnsafeMutableRawBufferPointer

  init(_ contents: [UInt8], name: String, accepting types: [FileType] = [.relocatable]) {
    self.name = name
    self.types = types
    memory = .allocate(byteCount: contents.count, alignment: 16)
    memory.copyBytes(from: contents)
  }

  deinit { memory.deallocate() }

  /// Reads the file, as what its first bytes say it is, and all that is in it; returns the error if there is
  /// one.
  ///
  /// What breaks a promise is recorded as an issue. `change` is mentioned there.
  @discardableResult
  func read(first count: Int? = nil, _ change: @autoclosure () -> String) -> ELFError? {
    guard let start = memory.baseAddress else { return nil }
    // The view ends before the memory changes again.
    let bytes = Bytes(unsafeStart: UnsafeRawPointer(start), count: count ?? memory.count, owner: nil)
    let broken: [String]
    do {
      if FileKind(of: bytes.span) == .archive || FileKind(of: bytes.span) == .thinArchive {
        broken = try walk(Archive(bytes, name: name))
      } else {
        broken = try walk(ObjectFile(bytes, name: name, accepting: types))
      }
    } catch {
      if error.file != name { Issue.record("\(name), \(change()): \(error)") }
      return error
    }
    if !broken.isEmpty { Issue.record("\(name), \(change()): \(broken)") }
    return nil
  }

  /// Reads the file with one bit flipped.
  func read(flipping bit: Int) {
    memory[bit / 8] ^= 1 << UInt8(bit % 8)
    defer { memory[bit / 8] ^= 1 << UInt8(bit % 8) }
    read("bit \(bit % 8) of byte \(bit / 8) flipped")
  }

  /// Reads the file with other bytes at `offset`.
  @discardableResult
  func read(replacing offset: Int, with bytes: [UInt8], _ change: @autoclosure () -> String) -> ELFError? {
    let old = Array(memory[offset..<offset + bytes.count])
    memory[offset..<offset + bytes.count].copyBytes(from: bytes)
    defer { memory[offset..<offset + bytes.count].copyBytes(from: old) }
    return read(change())
  }
}
