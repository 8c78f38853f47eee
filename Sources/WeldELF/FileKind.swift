internal import WeldBytes

/// What a file is, told from its first bytes.
///
/// Names of files are not looked at: an archive is one whatever it is called.
public enum FileKind: Equatable, Sendable {
  /// An ELF file of any class, machine and type.
  case elf
  /// An `ar` archive.
  case archive
  /// An `ar` archive that only names its members.
  case thinArchive
  /// LLVM bitcode, wrapped or not, as `clang -flto` or `-emit-llvm` writes it.
  case bitcode
  /// A Mach-O file.
  case machO
  /// A COFF object or PE image.
  case coff
  /// A script, linker script or other text.
  case text
  /// Nothing that is recognised.
  case unknown

  /// Looks at the first bytes of the file `span`.
  public init(of span: RawSpan) {
    if span.starts(with: "\u{7f}ELF") {
      self = .elf
    } else if span.starts(with: "!<arch>\n") {
      self = .archive
    } else if span.starts(with: "!<thin>\n") {
      self = .thinArchive
    } else {
      let magic: UInt32? = try? span.load(at: 0, order: .big)
      switch magic {
      case 0x4243_c0de, 0xdec0_170b: self = .bitcode
      case 0xfeed_face, 0xfeed_facf, 0xcefa_edfe, 0xcffa_edfe, 0xcafe_babe: self = .machO
      case .some(let value) where value >> 16 == 0x6486 || value >> 16 == 0x4d5a: self = .coff
      default: self = Self.isText(span) ? .text : .unknown
      }
    }
  }

  /// Whether the first 256 bytes hold no control character that text does not have.
  private static func isText(_ span: RawSpan) -> Bool {
    for offset in 0..<min(span.byteCount, 256) {
      guard let byte: UInt8 = try? span.load(at: offset, order: .little) else { return false }
      if byte == 0x7f || byte < 0x20 && !(9...13).contains(byte) { return false }
    }
    return span.byteCount > 0
  }
}

extension FileKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .elf: "an ELF file"
    case .archive: "an archive"
    case .thinArchive: "a thin archive"
    case .bitcode: "LLVM bitcode"
    case .machO: "a Mach-O file"
    case .coff: "a COFF or PE file"
    case .text: "text"
    case .unknown: "of no known format"
    }
  }
}
