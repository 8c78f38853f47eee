public import WeldBytes
public import WeldELF
internal import WeldMemory

/// A file that takes part in a link.
public enum LinkInput: Sendable {
  /// An object: linked whatever it defines.
  case object(ObjectFile)
  /// An archive: a store of objects.
  case archive(Archive)

  /// Opens the file at `path`; its contents, not its name, tell what it is.
  public init(path: String) throws(LinkError) {
    let bytes: Bytes
    do {
      bytes = try MappedFile.open(path)
    } catch {
      throw .memory(error)
    }
    try self.init(bytes, name: path)
  }

  /// Reads `bytes`, whose contents tell what they are; errors call them `name`.
  public init(_ bytes: Bytes, name: String) throws(LinkError) {
    do {
      switch FileKind(of: bytes.span) {
      case .archive, .thinArchive: self = .archive(try Archive(bytes, name: name))
      default: self = .object(try ObjectFile(bytes, name: name))
      }
    } catch {
      throw .malformed(error)
    }
  }
}

extension Archive {
  /// Reads a member as an object, for a thin archive from the file that it names.
  public func linkObject(of member: Member) throws(LinkError) -> ObjectFile {
    let external = isThin ? try externalContents(of: member) : nil
    do {
      guard let external else { return try object(of: member) }
      return try object(of: member, in: external)
    } catch {
      throw .malformed(error)
    }
  }

  /// The file that a member of a thin archive names, relative to the archive's folder.
  private func externalContents(of member: Member) throws(LinkError) -> Bytes {
    let folder = name.lastIndex(of: "/").map { String(name[...$0]) } ?? ""
    let path = name(of: member)
    do {
      return try MappedFile.open(path.hasPrefix("/") ? path : folder + path)
    } catch {
      throw .memory(error)
    }
  }
}
