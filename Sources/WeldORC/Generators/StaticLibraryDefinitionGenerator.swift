internal import WeldBytes
public import WeldELF
internal import WeldLink

/// Adds members of an archive to a dylib when something that they define is missing there.
///
/// Of several members that define a name the first one is taken. Only lookups for links (``LookupKind/static``) get
/// members, and only for what they require: a weak reference wants none, as for static linkers (LLVM's does). They belong to the dylib's default tracker; those of thin archives are read where these say. LLVM's
/// `StaticLibraryDefinitionGenerator`.
public final class StaticLibraryDefinitionGenerator: SynchronousDefinitionGenerator {
  private let archive: Archive
  private let layer: any ObjectLayer
  /// The positions of members by what they define.
  private let members: [SymbolStringPtr: Int]

  /// Reads what the members define: the archive's symbol index or, if it has none, the members' symbol tables.
  ///
  /// - Parameters:
  ///   - layer: links the members.
  ///   - session: the one in which they will be linked, for its names.
  /// - Throws: ``OrcError/link(_:)`` if the index, or without one a member, is malformed or cannot be read. Without an
  ///   index, members that are no ELF files define nothing.
  public init(_ archive: Archive, layer: any ObjectLayer, session: ExecutionSession) throws(OrcError) {
    self.archive = archive
    self.layer = layer
    do throws(LinkError) {
      members = try Self.members(of: archive, session.symbolStringPool)
    } catch {
      throw .link(error)
    }
  }

  private static func members(
    of archive: Archive, _ names: SymbolStringPool
  ) throws(LinkError) -> [SymbolStringPtr: Int] {
    var members: [SymbolStringPtr: Int] = [:]
    let index: [Archive.IndexEntry]?
    do {
      index = try archive.symbolIndex()
    } catch {
      throw .malformed(error)
    }
    if let index {
      members.reserveCapacity(index.count)
      for entry in index {
        let name = names.intern(String(decoding: archive.nameBytes(of: entry)))
        if members[name] == nil { members[name] = entry.member }
      }
      return members
    }
    for (position, member) in archive.members.enumerated() {
      guard let object = try archive.objectIfELF(member) else { continue }
      for (name, flags) in ObjectInterface(of: object, names: names).symbols
      where members[name] == nil && !flags.contains(.materializationSideEffectsOnly) {
        members[name] = position
      }
    }
    return members
  }

  /// Defines in the request's dylib the members that have what is missing. A member that was added defines all its
  /// names, so that it is not asked for again.
  ///
  /// - Throws: ``OrcError/duplicateDefinition(_:)`` if the dylib has a strong definition of something that a member
  ///   defines, too; ``OrcError/link(_:)`` if a member is malformed.
  public func define(_ request: GenerationRequest) throws(OrcError) {
    guard request.kind == .static else { return }
    let wanted = request.symbols.list.compactMap { element -> (name: SymbolStringPtr, member: Int)? in
      guard element.flags == .required, let member = members[element.name] else { return nil }
      return (element.name, member)
    }
    var defined: Set<SymbolStringPtr> = []
    // In the archive's order, so that the outcome does not depend on that of the request.
    for (name, member) in wanted.sorted(by: { $0.member < $1.member }) where !defined.contains(name) {
      let object = PendingObject(reading: try object(at: member), names: request.dylib.core.names)
      try layer.add(object, to: request.dylib)
      for definition in object.symbols?.definitions ?? [] { defined.insert(definition.name) }
      // What the index says of the member and is not so must not add it again.
      defined.insert(name)
    }
  }

  /// The member that is taken for `name`, if there is one.
  func member(defining name: SymbolStringPtr) throws(OrcError) -> ObjectFile? {
    guard let member = members[name] else { return nil }
    return try object(at: member)
  }

  private func object(at member: Int) throws(OrcError) -> ObjectFile {
    do {
      return try archive.linkObject(of: archive.members[member])
    } catch {
      throw .link(error)
    }
  }
}

extension Archive {
  /// The member as an object; `nil` if it is no ELF file.
  fileprivate func objectIfELF(_ member: Member) throws(LinkError) -> ObjectFile? {
    do {
      return try linkObject(of: member)
    } catch .malformed(let error) {
      if case .notELF = error.reason { return nil }
      if error.reason == .empty { return nil }
      throw .malformed(error)
    }
  }
}

extension ObjectLayer {
  /// Promises what all members of `archive` define, needed or not.
  ///
  /// - Parameter tracker: of the dylib; by default the default tracker.
  /// - Throws: ``OrcError/link(_:)`` if a member is no object, or as ``JITDylib/define(_:tracker:)``; the members before
  ///   it are defined.
  public func addWholeArchive(
    _ archive: Archive, to dylib: JITDylib, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    for member in archive.members {
      let object: ObjectFile
      do {
        object = try archive.linkObject(of: member)
      } catch {
        throw .link(error)
      }
      try add(object, to: dylib, tracker: tracker)
    }
  }
}
