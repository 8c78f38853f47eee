public import WeldBytes

/// The machine an object is made for (`e_machine`).
public struct Machine: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt16
  @inlinable
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// `EM_386`.
  @inlinable public static var i386: Machine { Machine(rawValue: 3) }
  /// `EM_PPC64`, both ELFv1 and ELFv2.
  @inlinable public static var ppc64: Machine { Machine(rawValue: 21) }
  /// `EM_S390`, 31 and 64 bits.
  @inlinable public static var s390: Machine { Machine(rawValue: 22) }
  /// `EM_X86_64`.
  @inlinable public static var x86_64: Machine { Machine(rawValue: 62) }
  /// `EM_AARCH64`.
  @inlinable public static var aarch64: Machine { Machine(rawValue: 183) }
  /// `EM_RISCV`.
  @inlinable public static var riscv: Machine { Machine(rawValue: 243) }

  /// The machine that this process runs on; `nil` if it has no name here.
  public static var host: Machine? {
    #if arch(x86_64)
      .x86_64
    #elseif arch(powerpc64le)
      .ppc64
    #elseif arch(s390x)
      .s390
    #elseif arch(arm64)
      .aarch64
    #elseif arch(riscv64)
      .riscv
    #else
      nil
    #endif
  }
}

extension Machine: CustomStringConvertible {
  /// The usual name, or `machine N` for one that has none here.
  public var description: String {
    switch self {
    case .i386: "i386"
    case Machine(rawValue: 20): "ppc"
    case .ppc64: "ppc64"
    case .s390: "s390x"
    case Machine(rawValue: 40): "arm"
    case .x86_64: "x86_64"
    case .aarch64: "aarch64"
    case .riscv: "riscv"
    case Machine(rawValue: 258): "loongarch"
    default: "machine \(rawValue)"
    }
  }
}

/// What kind of ELF file it is (`e_type`).
public struct FileType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt16
  @inlinable
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// `ET_REL`: what compilers and assemblers write, and what Weld links.
  @inlinable public static var relocatable: FileType { FileType(rawValue: 1) }
  /// `ET_EXEC`.
  @inlinable public static var executable: FileType { FileType(rawValue: 2) }
  /// `ET_DYN`: a shared library or a position independent executable.
  @inlinable public static var sharedObject: FileType { FileType(rawValue: 3) }
  /// `ET_CORE`.
  @inlinable public static var core: FileType { FileType(rawValue: 4) }
}

extension FileType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .relocatable: "relocatable object"
    case .executable: "executable"
    case .sharedObject: "shared library or position independent executable"
    case .core: "core dump"
    default: "file of ELF type \(rawValue)"
    }
  }
}

/// The ELF header of a 64-bit file, decoded (gABI, "ELF Header").
public struct FileHeader: Equatable, Sendable {
  /// Bytes an ELF64 header takes.
  public static let byteCount = 64

  /// How the file's integers are stored (`EI_DATA`).
  public var byteOrder: ByteOrder
  /// `EI_OSABI`.
  public var osABI: UInt8
  /// `EI_ABIVERSION`.
  public var abiVersion: UInt8
  /// `e_type`.
  public var type: FileType
  /// `e_machine`.
  public var machine: Machine
  /// `e_flags`, the processor's own.
  public var flags: UInt32
  /// `e_entry`, an address; 0 in objects.
  public var entry: UInt64
  /// `e_phnum`, as stored.
  public var programHeaderCount: UInt16
  /// `e_shoff`: where the section headers begin, in bytes from the start of the file; 0 when there are none.
  public var sectionHeaderOffset: UInt64
  /// How many section headers there are, including the one with index 0; the escape of `e_shnum` is resolved.
  public var sectionCount: Int
  /// The index of the section that holds the sections' names; the escape of `e_shstrndx` is resolved.
  public var sectionNameTable: SectionIndex
}

extension FileHeader {
  /// Reads and proves the header of the file `span`.
  init(of span: RawSpan) throws(ELFError.Reason) {
    guard span.byteCount > 0 else { throw .empty }
    guard span.byteCount >= 4, span.starts(with: "\u{7f}ELF") else { throw .notELF(FileKind(of: span)) }
    guard span.byteCount >= Self.byteCount else {
      throw .truncated(needed: UInt64(Self.byteCount), available: UInt64(span.byteCount))
    }
    do {
      let fileClass: UInt8 = try span.load(at: 4, order: .little)
      guard fileClass == 2 else {
        // Both classes keep the machine in the same place.
        let data: UInt8 = try span.load(at: 5, order: .little)
        let machine: UInt16 = try span.load(at: 18, order: data == 2 ? .big : .little)
        throw ELFError.Reason.notELF64(class: fileClass, machine: Machine(rawValue: machine))
      }
      let data: UInt8 = try span.load(at: 5, order: .little)
      guard data == 1 || data == 2 else { throw ELFError.Reason.unknownByteOrder(data) }
      let order: ByteOrder = data == 1 ? .little : .big
      let identVersion: UInt8 = try span.load(at: 6, order: .little)
      let version: UInt32 = try span.load(at: 20, order: order)
      guard identVersion == 1, version == 1 else {
        throw ELFError.Reason.unknownVersion(identVersion == 1 ? version : UInt32(identVersion))
      }
      self.byteOrder = order
      osABI = try span.load(at: 7, order: .little)
      abiVersion = try span.load(at: 8, order: .little)
      type = FileType(rawValue: try span.load(at: 16, order: order))
      machine = Machine(rawValue: try span.load(at: 18, order: order))
      entry = try span.load(at: 24, order: order)
      sectionHeaderOffset = try span.load(at: 40, order: order)
      flags = try span.load(at: 48, order: order)
      programHeaderCount = try span.load(at: 56, order: order)
      let entrySize: UInt16 = try span.load(at: 58, order: order)
      let storedCount: UInt16 = try span.load(at: 60, order: order)
      let storedNames: UInt16 = try span.load(at: 62, order: order)

      guard sectionHeaderOffset != 0 else {
        guard storedCount == 0 else {
          throw ELFError.Reason.outOfRange(
            field: "e_shnum", value: UInt64(storedCount), allowed: 0...0)
        }
        sectionCount = 0
        sectionNameTable = .undefined
        return
      }
      guard entrySize == SectionHeader.byteCount else {
        throw ELFError.Reason.outOfRange(
          field: "e_shentsize", value: UInt64(entrySize),
          allowed: UInt64(SectionHeader.byteCount)...UInt64(SectionHeader.byteCount))
      }
      // The table's first header must be there before its escapes can be read.
      let available = UInt64(span.byteCount)
      guard sectionHeaderOffset <= available,
        available - sectionHeaderOffset >= UInt64(SectionHeader.byteCount)
      else {
        throw ELFError.Reason.outside(
          what: "section header table", offset: sectionHeaderOffset,
          byteCount: UInt64(SectionHeader.byteCount), fileByteCount: available)
      }
      let first = Int(sectionHeaderOffset)
      let extendedCount: UInt64 = try span.load(at: first + 32, order: order)
      let extendedNames: UInt32 = try span.load(at: first + 40, order: order)
      let count = storedCount == 0 ? extendedCount : UInt64(storedCount)
      let byteCount = count.multipliedReportingOverflow(by: UInt64(SectionHeader.byteCount))
      guard !byteCount.overflow, byteCount.partialValue <= available - sectionHeaderOffset else {
        throw ELFError.Reason.outside(
          what: "section header table", offset: sectionHeaderOffset,
          byteCount: byteCount.overflow ? .max : byteCount.partialValue, fileByteCount: available)
      }
      sectionCount = Int(count)
      let names = storedNames == 0xffff ? extendedNames : UInt32(storedNames)
      guard names == 0 || UInt64(names) < count else {
        throw ELFError.Reason.outOfRange(
          field: "e_shstrndx", value: UInt64(names), allowed: 0...(max(count, 1) - 1))
      }
      sectionNameTable = SectionIndex(rawValue: names)
    } catch let reason as ELFError.Reason {
      throw reason
    } catch {
      throw .truncated(needed: UInt64(Self.byteCount), available: UInt64(span.byteCount))
    }
  }
}
