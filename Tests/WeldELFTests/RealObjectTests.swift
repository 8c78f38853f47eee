import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Real objects decode to what other tools say")
struct RealObjectTests {
  @Test func `headers, sections, symbols and relocations are those of llvm-readobj`() throws {
    let files = TestFile.objects
    let found = try readobj(files.map(\.path))
    try #require(found.count == files.count)
    for (file, json) in zip(files, found) {
      let object = try file.object()
      checkHeader(of: object, json["ElfHeader"])
      checkSections(of: object, json["Sections"].list.map { $0["Section"] })
      checkSymbols(of: object, json["Symbols"].list.map { $0["Symbol"] })
      checkRelocations(of: object, json["Relocations"].list)
    }
  }

  private func checkHeader(of object: ObjectFile, _ json: JSON) {
    let header = object.header
    #expect(header.byteOrder == (json["Ident"]["DataEncoding"]["Value"].number == 1 ? .little : .big))
    #expect(UInt64(header.osABI) == json["Ident"]["OS/ABI"]["Value"].number)
    #expect(UInt64(header.abiVersion) == json["Ident"]["ABIVersion"].number)
    #expect(json["Type"].text == "Relocatable (0x\(header.type.rawValue))")
    #expect(UInt64(header.machine.rawValue) == json["Machine"]["Value"].number)
    #expect(UInt64(header.flags) == json["Flags"]["Value"].number)
    #expect(header.sectionHeaderOffset == json["SectionHeaderOffset"].number)
    #expect("\(header.sectionCount)" == json["SectionHeaderCount"].text, "\(object.name)")
    #expect("\(header.sectionNameTable.rawValue)" == json["StringTableSectionIndex"].text)
  }

  private func checkSections(of object: ObjectFile, _ json: [JSON]) {
    #expect(object.sectionCount == json.count, "\(object.name)")
    for (number, expected) in json.enumerated() {
      let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
      let found: [UInt64] = [
        UInt64(section.nameOffset), UInt64(section.type.rawValue), section.flags.rawValue, section.address,
        section.offset, section.size, UInt64(section.link), UInt64(section.info), section.alignment,
        section.entrySize,
      ]
      let wanted = [
        expected["Name"]["Value"], expected["Type"]["Value"], expected["Flags"]["Value"], expected["Address"],
        expected["Offset"], expected["Size"], expected["Link"], expected["Info"],
        JSON(value: NSNumber(value: max(expected["AddressAlignment"].number, 1))), expected["EntrySize"],
      ].map(\.number)
      #expect(found == wanted, "section \(number) of \(object.name)")
      #expect(
        object.name(of: section) == expected["Name"]["Name"].text, "section \(number) of \(object.name)")
    }
  }

  private func checkSymbols(of object: ObjectFile, _ json: [JSON]) {
    #expect(object.symbolCount == json.count, "\(object.name)")
    for (number, expected) in json.enumerated() {
      let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(number)))
      let place: UInt64 =
        switch symbol.place {
        case .undefined: 0
        case .absolute: 0xfff1
        case .common: 0xfff2
        case .largeCommon: 0xff02
        case .section(let index): UInt64(index.rawValue)
        }
      let found: [UInt64] = [
        symbol.value, symbol.size, UInt64(symbol.binding.rawValue), UInt64(symbol.type.rawValue),
        UInt64(symbol.other), place,
      ]
      let wanted = [
        expected["Value"], expected["Size"], expected["Binding"]["Value"], expected["Type"]["Value"],
        expected["Other"]["Value"], expected["Section"]["Value"],
      ].map(\.number)
      #expect(found == wanted, "symbol \(number) of \(object.name)")
      #expect(object.name(of: symbol) == expected["Name"]["Name"].text, "symbol \(number) of \(object.name)")
    }
  }

  private func checkRelocations(of object: ObjectFile, _ json: [JSON]) {
    for table in json {
      let index = SectionIndex(rawValue: UInt32(table["SectionIndex"].number))
      let expected = table["Relocs"].list.map { $0["Relocation"] }
      let found = relocations(in: object.section(at: index), of: object)
      #expect(found.count == expected.count, "section \(index.rawValue) of \(object.name)")
      for (relocation, expected) in zip(found, expected) {
        let wanted = Relocation(
          offset: expected["Offset"].number, type: UInt32(expected["Type"]["Value"].number),
          symbol: SymbolIndex(rawValue: UInt32(expected["Symbol"]["Value"].number)),
          addend: Int64(bitPattern: expected["Addend"].number))
        #expect(relocation == wanted, "section \(index.rawValue) of \(object.name)")
        // Other machines' relocations have no names here.
        guard [.x86_64, .ppc64, .s390].contains(object.header.machine) else { continue }
        let name = expected["Type"]["Name"].text
        // Types that LLVM 19 has no name for; the psABI's tables are tested elsewhere.
        guard name != "Unknown" else { continue }
        #expect(object.header.machine.relocationName(relocation.type) == name)
      }
    }
    let tables = (0..<object.sectionCount).count {
      let section = object.section(at: SectionIndex(rawValue: UInt32($0)))
      return section.type == .rela || section.type == .rel
    }
    #expect(tables == json.count, "\(object.name)")
  }

  @Test(arguments: TestFile.objects.filter { (try? $0.object().groupSections.isEmpty) == false })
  func `groups are those of llvm-readobj`(file: TestFile) throws {
    let object = try file.object()
    let lines = object.groupSections.flatMap { index -> [String] in
      let group = object.group(at: index)
      let name = object.sectionName(index)
      let signature = String(decoding: object.signatureBytes(of: group))
      let kind = group.isCOMDAT ? "COMDAT " : ""
      return [
        "\(kind)group section [\(index.rawValue)] `\(name)' [\(signature)] contains \(group.members.count) sections:"
      ] + group.members.map { "[\($0.rawValue)] \(object.sectionName($0))" }
    }
    // Its JSON has the same key for each group, and readelf shortens names.
    let output = try Tool("llvm-readobj-19")(["--elf-output-style=GNU", "--section-groups", file.path])
    let expected = String(decoding: output, as: UTF8.self).split(separator: "\n")
      .filter { !$0.contains("[Index]") }
      .map { line in
        // Numbers are padded: `[   28]`, and so are columns.
        line.split(separator: " ").joined(separator: " ").replacingOccurrences(of: "[ ", with: "[")
      }
    #expect(lines == expected)
  }
}
