public import WeldBytes

/// An ELF64 file, read in place.
///
/// Making one proves the whole of its structure: that headers, tables and contents lie inside the file, that
/// names end, that indices refer to something of the right type. What an `ObjectFile` hands out can therefore
/// be used without further doubt; only what sections *contain* (code, relocations' offsets) is still
/// unproven.
public struct ObjectFile: Sendable {
  /// The whole file.
  public let bytes: Bytes
  /// What is known about it, in one place, so that a copy costs little.
  @usableFromInline let facts: Facts

  /// What was found out about a file when it was read.
  @usableFromInline
  final class Facts: Sendable {
    /// What the caller called the file, or the archive that it is a member of.
    let path: String
    /// The name of the member of the archive, if it is one.
    let member: Bytes?
    @usableFromInline let header: FileHeader
    @usableFromInline let symbolTable: SymbolTable?
    let sectionNames: Range<Int>
    @usableFromInline let groupSections: [SectionIndex]
    @usableFromInline let hasInitializers: Bool

    init(
      _ parser: borrowing ObjectParser, _ parts: borrowing ObjectParser.Parts, path: String, member: Bytes?
    ) {
      self.path = path
      self.member = member
      header = parser.header
      sectionNames = parser.sectionNames
      symbolTable = parts.symbolTable
      groupSections = parts.groupSections
      hasInitializers = parts.hasInitializers
    }
  }

  /// The decoded ELF header.
  @inlinable
  public var header: FileHeader { facts.header }

  /// The symbol table, if there is one.
  @inlinable
  public var symbolTable: SymbolTable? { facts.symbolTable }

  /// Where the section name table is in the file, in bytes; empty if there is none.
  var sectionNames: Range<Int> { facts.sectionNames }

  /// The sections of type `SHT_GROUP`.
  @inlinable
  public var groupSections: [SectionIndex] { facts.groupSections }

  /// Whether it has functions that run before or after the program: sections of the types `SHT_INIT_ARRAY`,
  /// `SHT_FINI_ARRAY` or `SHT_PREINIT_ARRAY` (gABI, "Section Types"), or some that are called as such, `.ctors` or `.dtors`.
  @inlinable
  public var hasInitializers: Bool { facts.hasInitializers }

  /// Where the symbols of an object and their names are.
  public struct SymbolTable: Equatable, Sendable {
    /// The section that holds the symbols.
    public var section: SectionIndex
    /// How many symbols there are, including the reserved first one.
    public var count: Int
    /// The index of the first symbol that is not local (`sh_info`).
    public var firstGlobal: Int
    /// Where the symbols are in the file, in bytes.
    var entries: Range<Int>
    /// Where the names are in the file, in bytes; ends with a zero byte unless empty.
    public var names: Range<Int>
    /// Where `SHT_SYMTAB_SHNDX` holds the section indices that do not fit in a symbol, in bytes.
    var extendedIndices: Range<Int>?
  }

  /// Reads `bytes` as an ELF64 file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: what errors call the file.
  ///   - types: the types of file that are wanted; by default relocatable objects only.
  public init(
    _ bytes: Bytes, name: String, accepting types: [FileType] = relocatableOnly
  ) throws(ELFError) {
    try self.init(bytes, path: name, member: nil, accepting: types)
  }

  /// Reads a member of the archive at `path`.
  init(_ bytes: Bytes, path: String, member: Bytes?, accepting types: [FileType] = relocatableOnly)
    throws(ELFError)
  {
    do {
      let parser = try ObjectParser(bytes.span, name: path, accepting: types)
      facts = Facts(parser, try parser.parse(bytes.span), path: path, member: member)
    } catch {
      throw ELFError(error.reason, in: Self.name(path, member), at: error.place)
    }
    self.bytes = bytes
  }

  /// What linkers want.
  public static let relocatableOnly: [FileType] = [.relocatable]

  /// What the caller called it; a member of an archive is `archive(member)`.
  public var name: String { Self.name(facts.path, facts.member) }

  /// Put together when it is asked for, which for most objects is never.
  private static func name(_ path: String, _ member: Bytes?) -> String {
    guard let member else { return path }
    return "\(path)(\(String(decoding: member.span)))"
  }
}

extension RawSpan {
  /// The name that begins at `offset` of the string table that takes `table`, without its terminator; nothing
  /// where there is none.
  @_lifetime(copy self)
  func string(in table: Range<Int>, at offset: UInt32) -> RawSpan {
    let strings = extracting(table)
    guard Int(offset) < table.count, let end = strings.endOfName(at: Int(offset)) else {
      return strings.extracting(0..<0)
    }
    return strings.extracting(Int(offset)..<end)
  }
}
