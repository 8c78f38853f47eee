import Testing
import WeldBytes
import WeldELF

/// A way in which a file can be wrong, and the error it must give.
struct Malformation: Sendable, CustomTestStringConvertible {
  var title: String
  var expected: ELFError
  /// Reads the malformed file, stored in this byte order.
  var read: @Sendable (ByteOrder) throws(ELFError) -> Void

  var testDescription: String { title }

  /// A sample object, changed while it is made and afterwards.
  static func object(
    _ title: String, _ reason: ELFError.Reason, at place: ELFError.Place = .file,
    image change: @escaping @Sendable (inout Image) -> Void = { _ in },
    bytes changeBytes: @escaping @Sendable ([UInt8], ByteOrder) -> [UInt8] = { bytes, _ in bytes }
  ) -> Malformation {
    Malformation(title: title, expected: ELFError(reason, in: Sample.name, at: place)) {
      order throws(ELFError) in
      var image = Sample.image(order)
      change(&image)
      _ = try ObjectFile(Bytes(changeBytes(image.bytes(), order)), name: Sample.name)
    }
  }

  /// A sample object with another value in a field of its header.
  static func header(_ field: String, _ value: UInt64, _ reason: ELFError.Reason) -> Malformation {
    .object("\(field) is \(value)", reason, bytes: { $0.setting(field, to: value, $1) })
  }

  /// A sample object with another value in a field of a section's header.
  static func section(
    _ section: Sample.Section, _ field: String, _ value: UInt64, _ reason: ELFError.Reason,
    at place: ELFError.Place? = nil
  ) -> Malformation {
    .object(
      "\(field) of \(section) is \(value)", reason, at: place ?? .sample(section),
      bytes: { $0.setting(section, field, to: value, $1) })
  }

  /// A sample object with another value in a field of a symbol.
  static func symbol(
    _ index: UInt32, _ field: String, _ value: UInt64, _ reason: ELFError.Reason,
    image change: @escaping @Sendable (inout Image) -> Void = { _ in }
  ) -> Malformation {
    .object(
      "\(field) of symbol \(index) is \(value)", reason, at: .symbol(SymbolIndex(rawValue: index)),
      image: { image in
        image.setSymbol(Int(index), field, to: value)
        change(&image)
      })
  }

  /// A file that is none of the samples.
  static func file(_ title: String, _ bytes: [UInt8], _ reason: ELFError.Reason) -> Malformation {
    Malformation(title: title, expected: ELFError(reason, in: "file")) { _ throws(ELFError) in
      _ = try ObjectFile(Bytes(bytes), name: "file")
    }
  }

  /// An archive.
  static func archive(
    _ title: String, _ reason: ELFError.Reason, at place: ELFError.Place, _ bytes: [UInt8]
  ) -> Malformation {
    Malformation(title: title, expected: ELFError(reason, in: "lib.a", at: place)) { _ throws(ELFError) in
      _ = try Archive(Bytes(bytes), name: "lib.a").symbolIndex()
    }
  }
}

extension ELFError.Place {
  /// A section of the sample, by name.
  static func sample(_ section: Sample.Section) -> ELFError.Place {
    .section(section.index, name: Sample.image(.little)[section].name)
  }

  /// A section of the sample, before its name can be known.
  static func unnamed(_ section: Sample.Section) -> ELFError.Place { .section(section.index, name: nil) }
}
