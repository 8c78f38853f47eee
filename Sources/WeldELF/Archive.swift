public import WeldBytes

/// An `ar` archive, read in place: GNU and BSD names, GNU (32 and 64 bits) and BSD symbol indices, thin
/// archives.
public struct Archive: Sendable {
  /// What the caller called it.
  public let name: String
  /// The whole file.
  public let bytes: Bytes
  /// Whether the archive only names its members (`!<thin>`).
  public let isThin: Bool
  /// The members in the archive's order, without its symbol index and name table.
  public let members: [Member]
  /// Where the long names are, in bytes from the archive's start; empty if there are none.
  let longNames: Range<Int>
  /// Where the symbol index is, and how it is written; `nil` if there is none.
  let index: ArchiveIndex?

  /// One file of an archive.
  public struct Member: Equatable, Sendable {
    /// Where its header begins, in bytes from the archive's start; unlike its name, unique.
    public var headerOffset: Int
    /// Where its contents are, in bytes; empty for a member of a thin archive.
    public var contents: Range<Int>
    /// Where its name is, in bytes.
    var nameRange: Range<Int>
  }

  /// One entry of the symbol index.
  public struct IndexEntry: Equatable, Sendable {
    /// Where the symbol's name is, in bytes from the archive's start, without its terminator.
    public var name: Range<Int>
    /// The hash of the name.
    public var hash: UInt32
    /// The position in ``Archive/members`` of the member that defines the symbol.
    public var member: Int
  }

  /// Reads `bytes` as an archive; `name` is what errors call it.
  public init(_ bytes: Bytes, name: String) throws(ELFError) {
    self.name = name
    self.bytes = bytes
    let kind = FileKind(of: bytes.span)
    guard kind == .archive || kind == .thinArchive else { throw ELFError(.notArchive(kind), in: name) }
    isThin = kind == .thinArchive
    var reader = ArchiveReader(name: name, isThin: isThin)
    try reader.readMembers(bytes.span)
    members = reader.members
    longNames = reader.longNames
    index = reader.index
  }

  /// Which member defines which symbol; `nil` if the archive says nothing about it. Read anew each time.
  public func symbolIndex() throws(ELFError) -> [IndexEntry]? {
    try index?.entries(of: bytes.span, members: members, in: name)
  }

  /// The name of `member`, as stored: for a thin archive the path from the archive's folder.
  public func name(of member: Member) -> String {
    String(decoding: bytes.span.extracting(member.nameRange))
  }

  /// The contents of `member`; throws for a member of a thin archive, which has none here.
  public func contents(of member: Member) throws(ELFError) -> Bytes {
    guard !isThin else {
      throw ELFError(
        .externalMember(path: name(of: member)), in: name, at: .member(offset: member.headerOffset))
    }
    do {
      return try bytes.extracting(member.contents)
    } catch {
      preconditionFailure("a member outside the archive was accepted")
    }
  }

  /// The bytes of the name in an entry of the symbol index.
  @_lifetime(borrow self)
  public func nameBytes(of entry: IndexEntry) -> RawSpan { bytes.span.extracting(entry.name) }

  /// Reads `member` as an ELF64 relocatable object, called `archive(member)`.
  public func object(of member: Member) throws(ELFError) -> ObjectFile {
    try object(of: member, in: contents(of: member))
  }

  /// Reads `bytes`, which are the contents of `member`, as an ELF64 relocatable object, called
  /// `archive(member)`.
  public func object(of member: Member, in bytes: Bytes) throws(ELFError) -> ObjectFile {
    try ObjectFile(bytes, path: name, member: try? self.bytes.extracting(member.nameRange))
  }
}
