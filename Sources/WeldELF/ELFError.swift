/// What is wrong with an object file or archive, and where.
public struct ELFError: Error, Equatable, Sendable {
  /// The file, as the caller named it; a member of an archive as `archive(member)`.
  public var file: String
  /// The part of the file it is about.
  public var place: Place
  /// What is wrong with it.
  public var reason: Reason

  /// An error about `place` of `file`.
  public init(_ reason: Reason, in file: String, at place: Place = .file) {
    self.file = file
    self.place = place
    self.reason = reason
  }

  /// The part of a file an error is about.
  public enum Place: Equatable, Sendable {
    /// The file as a whole, or its header.
    case file
    /// The header or contents of the section with this index and, where it could be read, name.
    case section(SectionIndex, name: String?)
    /// An entry of the symbol table.
    case symbol(SymbolIndex)
    /// The entry with this number in the relocation section of this index.
    case relocation(SectionIndex, Int)
    /// The member whose header begins this many bytes from the archive's start.
    case member(offset: Int)
    /// The archive's symbol index.
    case archiveIndex
  }

  /// What can be wrong.
  public enum Reason: Error, Equatable, Sendable {
    /// The file has no bytes.
    case empty
    /// Not an ELF file but of this kind.
    case notELF(FileKind)
    /// ELF of another class than 64 bits (`EI_CLASS`).
    case notELF64(class: UInt8, machine: Machine)
    /// `EI_DATA` is neither 1 nor 2.
    case unknownByteOrder(UInt8)
    /// `EI_VERSION` or `e_version` is not 1.
    case unknownVersion(UInt32)
    /// An ELF file that is not a relocatable object.
    case notRelocatable(FileType)
    /// The file ends before something that every such file has; both in bytes.
    case truncated(needed: UInt64, available: UInt64)
    /// A part of the file that its description puts outside of it; all in bytes.
    case outside(what: String, offset: UInt64, byteCount: UInt64, fileByteCount: UInt64)
    /// A field whose value means nothing.
    case outOfRange(field: String, value: UInt64, allowed: ClosedRange<UInt64>)
    /// A field that must be a power of two.
    case notPowerOfTwo(field: String, value: UInt64)
    /// A table whose size is not a multiple of its entries' size; both in bytes.
    case partialEntry(byteCount: UInt64, entryByteCount: UInt64)
    /// A string table that does not end with a zero byte.
    case unterminatedStrings
    /// A section that refers to one of another type than it must.
    case wrongLink(field: String, found: SectionType, expected: SectionType)
    /// A second symbol table; an object has at most one.
    case secondSymbolTable
    /// Flags that contradict each other.
    case contradictoryFlags(SectionFlags)
    /// Not an archive but of this kind.
    case notArchive(FileKind)
    /// A member's header that does not end as it must (`ar_fmag`).
    case badMemberHeader
    /// A number in a member's header or name that is not one.
    case badNumber(field: String, text: String)
    /// A thin archive's member where bytes were expected: they are in the file of this path.
    case externalMember(path: String)
  }
}

extension ELFError.Place: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file: ""
    case .section(let index, let name?): "section \(index.rawValue) '\(name)'"
    case .section(let index, nil): "section \(index.rawValue)"
    case .symbol(let index): "symbol \(index.rawValue)"
    case .relocation(let section, let index): "relocation \(index) of section \(section.rawValue)"
    case .member(let offset): "archive member at byte \(offset)"
    case .archiveIndex: "archive symbol index"
    }
  }
}

extension ELFError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .empty: "the file is empty; expected an ELF relocatable object or an archive of them"
    case .notELF(.bitcode):
      "LLVM bitcode, not machine code; compile it first, with `llc -filetype=obj` or without -flto and -emit-llvm"
    case .notELF(let kind): "not an ELF file but \(kind); expected an ELF relocatable object (`cc -c`)"
    case .notELF64(let fileClass, let machine):
      "ELF class \(fileClass) for \(machine); expected class 2 (64 bits), so compile for a 64-bit machine"
    case .unknownByteOrder(let value): "EI_DATA is \(value); expected 1 (little endian) or 2 (big endian)"
    case .unknownVersion(let value): "ELF version \(value); expected 1"
    case .notRelocatable(.sharedObject):
      "a shared library or position independent executable; link the objects it was made of, or load a library with --library"
    case .notRelocatable(let type):
      "not a relocatable object but \(type.article); expected the output of `cc -c`"
    case .truncated(let needed, let available):
      "the file ends after \(available) bytes; at least \(needed) are needed"
    case .outside(let what, let offset, let byteCount, let fileByteCount):
      "\(what): \(byteCount) bytes at offset \(offset) lie outside the file of \(fileByteCount) bytes"
    case .outOfRange(let field, let value, let allowed):
      if allowed.lowerBound == allowed.upperBound {
        "\(field) is \(value); expected \(allowed.lowerBound)"
      } else {
        "\(field) is \(value); expected \(allowed.lowerBound)...\(allowed.upperBound)"
      }
    case .notPowerOfTwo(let field, let value): "\(field) is \(value); expected a power of two"
    case .partialEntry(let byteCount, let entry):
      "\(byteCount) bytes are not a whole number of entries of \(entry) bytes"
    case .unterminatedStrings: "the string table does not end with a zero byte"
    case .wrongLink(let field, let found, let expected):
      "\(field) refers to a section of type \(found); expected \(expected)"
    case .secondSymbolTable: "a second symbol table; an object has at most one"
    case .contradictoryFlags(let flags): "the flags \(flags) contradict each other"
    case .notArchive(let kind): "not an archive but \(kind)"
    case .badMemberHeader: "the member's header does not end with its mark; the archive is damaged"
    case .badNumber(let field, let text): "\(field) is '\(text)'; expected a decimal number"
    case .externalMember(let path): "the member's contents are in the file '\(path)', not in the thin archive"
    }
  }
}

extension ELFError: CustomStringConvertible {
  /// One line: the file, the place in it, what is wrong and what was expected.
  public var description: String {
    place == .file ? "\(file): \(reason)" : "\(file): \(place): \(reason)"
  }
}

extension FileType {
  fileprivate var article: String {
    switch self {
    case .executable: "an executable"
    default: "a \(self)"
    }
  }
}
