import Foundation
import Testing
import Weld

@Suite("Damaged objects give a link or an error")
struct HostileInputTests {
  /// The objects of `TestObjects` that are well-formed, whether they can be linked or not.
  static let files: [HostileFile] = HostileFile.all()

  @Test func `there are test objects`() { #expect(Self.files.count > 50) }

  @Test(arguments: files)
  func `every field of headers and tables at its extremes`(file: HostileFile) {
    var damage = Damage(file)
    for field in file.tables.flatMap(\.fields).sampled(10_000, of: file) {
      for value in field.hostileValues { damage.link(setting: field, to: value) }
    }
  }

  @Test(arguments: files)
  func `every bit of headers and tables`(file: HostileFile) {
    var damage = Damage(file)
    let bytes = file.tables.flatMap { Array($0.range) }
    for bit in Array(0..<bytes.count * 8).sampled(20_000, of: file) {
      damage.link(flipping: bytes[bit / 8] * 8 + bit % 8)
    }
  }

  @Test(arguments: files)
  func `every field of relocations at its extremes`(file: HostileFile) {
    var damage = Damage(file)
    let relocations = file.tables.filter { $0.isRelocations }
    for field in relocations.flatMap(\.fields).sampled(10_000, of: file) {
      for value in field.hostileValues { damage.link(setting: field, to: value) }
    }
  }
}

/// A table or header of an ELF file: where its entries are and what they consist of.
struct HostileTable: Sendable {
  var range: Range<Int>
  /// Bytes of each field of an entry.
  var widths: [Int]
  var isRelocations = false

  /// All fields of all entries.
  var fields: [HostileField] {
    var fields: [HostileField] = []
    var at = range.lowerBound
    while at < range.upperBound {
      for width in widths {
        fields.append(HostileField(at: at, byteCount: width))
        at += width
      }
    }
    return fields
  }
}

/// An integer of an ELF file.
struct HostileField: Sendable {
  /// Where it begins, in bytes from the start of the file.
  var at: Int
  var byteCount: Int

  /// The ends of its range, and numbers that are too large for memory, for a file or for arithmetic.
  var hostileValues: [UInt64] {
    let sign = (1 as UInt64) << UInt64(byteCount * 8 - 1)
    let values = [0, 1, sign - 1, sign, sign | (sign - 1)]
    return byteCount < 8 ? values : values + [1 << 40, 1 << 46, 1 << 47, 1 << 62, .max - 3]
  }
}

/// A well-formed object.
struct HostileFile: Sendable, CustomTestStringConvertible {
  var name: String
  var contents: [UInt8]
  var byteOrder: ByteOrder
  /// Everything that describes something else.
  var tables: [HostileTable]

  var testDescription: String { name }

  private init?(path: String, name: String) {
    guard let data = FileManager.default.contents(atPath: path),
      let object = try? ObjectFile(Bytes(Array(data)), name: name)
    else { return nil }
    self.name = name
    contents = Array(data)
    byteOrder = object.header.byteOrder
    let headers = Int(object.header.sectionHeaderOffset)
    tables = [
      HostileTable(range: 16..<64, widths: [2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]),
      HostileTable(
        range: headers..<headers + object.sectionCount * 64, widths: [4, 4, 8, 8, 8, 8, 4, 4, 8, 8]),
    ]
    for number in 0..<object.sectionCount {
      let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
      switch section.type {
      case .symbolTable: tables.append(HostileTable(range: section.fileRange, widths: [4, 1, 1, 2, 8, 8]))
      case .rela:
        tables.append(HostileTable(range: section.fileRange, widths: [8, 4, 4, 8], isRelocations: true))
      case .group: tables.append(HostileTable(range: section.fileRange, widths: [4]))
      default: break
      }
    }
  }

  static func all() -> [HostileFile] {
    let folder =
      #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/TestObjects/"
    let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix(".o") }.sorted().compactMap {
      HostileFile(path: folder + $0, name: $0)
    }
  }
}

extension Array {
  /// About as many elements, evenly spread, as `work` bytes of `file` can be linked for; all of them if
  /// `WELD_EXHAUSTIVE` is set, which is best in a release build.
  ///
  /// The odd stride meets every bit of a byte and every field of an entry; each file begins elsewhere.
  fileprivate func sampled(_ work: Int, of file: HostileFile) -> [Element] {
    let limit = Swift.max(work / file.contents.count, 2)
    guard ProcessInfo.processInfo.environment["WELD_EXHAUSTIVE"] == nil, count > limit else { return self }
    let step = count / limit | 1
    let first = file.name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xffff % step
    return stride(from: first, to: count, by: step).map { self[$0] }
  }
}

/// An object that is changed, linked and repaired again.
struct Damage {
  private let name: String
  private var contents: [UInt8]
  private let byteOrder: ByteOrder

  init(_ file: HostileFile) {
    name = file.name
    byteOrder = file.byteOrder
    contents = file.contents
  }

  mutating func link(setting field: HostileField, to value: UInt64) {
    let range = field.at..<field.at + field.byteCount
    let old = Array(contents[range])
    let bytes = (0..<field.byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    contents.replaceSubrange(range, with: byteOrder == .little ? bytes : bytes.reversed())
    link()
    contents.replaceSubrange(range, with: old)
  }

  mutating func link(flipping bit: Int) {
    contents[bit / 8] ^= 1 << (bit % 8)
    link()
    contents[bit / 8] ^= 1 << (bit % 8)
  }

  /// A lookup that has an answer for every name.
  private struct Everything: SymbolLookup {
    func lookup(_ names: [String]) -> [ResolvedSymbol?] {
      names.map {
        ResolvedSymbol(address: Address(rawValue: 0x7000_0000), isFunction: $0.utf8.count % 2 == 0)
      }
    }
  }

  /// Does everything with the object but to run it. Errors are as good as results; anything else ends the
  /// test.
  private func link() {
    guard let object = try? ObjectFile(Bytes(contents), name: name) else { return }
    _ = try? AddressNeeds.wantsLowAddresses([object])
    _ = AddressNeeds.windowByteCount(for: [object])
    _ = try? InputSelection.select([.object(object)], wanting: ["main"], aliases: circle)
    var options = RuntimeDyld.Options()
    options.aliases = circle
    let linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: 0x10_0000)), lookup: Everything(), options: options)
    do {
      try linker.load(object)
      let sections = try linker.sections()
      _ = try linker.symbolTable()
      _ = try linker.initializers()
      try linker.resolveRelocations()
      for section in sections where section.byteCount <= 1 << 30 { _ = try linker.contents(of: section.id) }
      try linker.finalize()
    } catch { _ = "\(error)" }
    linkImage(object)
  }

  /// Links the object as if nothing were missing, thread-local variables and all, and writes an executable.
  private func linkImage(_ object: ObjectFile) {
    var options = ImageLinker.Options()
    options.inventsExternals = true
    options.byteLimit = 1 << 24
    do {
      let map = try ImageLinker.link([.object(object)], options: options)
      _ = try map.executable(entry: .zero)
    } catch { _ = "\(error)" }
  }

  /// Names that stand for each other.
  private var circle: [Alias] {
    [Alias("main", for: "puts"), Alias("puts", for: "printf"), Alias("printf", for: "main")]
  }
}
