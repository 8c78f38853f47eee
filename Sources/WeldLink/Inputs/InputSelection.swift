internal import WeldBytes
public import WeldELF

/// Decides which objects take part in a link: all that stand by themselves, and of archives those members
/// that define something which is wanted.
///
/// Archives have no order: a member may need members of any other. Of several members that define a name the
/// first one is taken. Weak references and common symbols want nothing.
public struct InputSelection {
  private var names = NameTable()
  /// Under the number of the name.
  private var states: [State] = []
  private var archives: [Archive] = []
  /// For each archive, which of its members were taken.
  private var isTaken: [[Bool]] = []
  private var wanted: [Int] = []
  private var objects: [ObjectFile] = []

  private struct State {
    var isDefined = false
    var isWanted = false
    /// The archive and member that define the name, or -1.
    var archive: Int32 = -1
    var member: Int32 = -1
  }

  private init() {}

  /// The objects that take part, in the order of the inputs, members of archives in the order in which they
  /// came to be wanted.
  ///
  /// - Parameters:
  ///   - inputs: objects and archives.
  ///   - wholeArchives: whether members of archives take part needed or not.
  ///   - names: names that are wanted although no object may mention them, such as the entry's.
  ///   - aliases: second names: who wants the name wants its target.
  public static func select(
    _ inputs: [LinkInput], wholeArchives: Bool = false, wanting names: [String] = [], aliases: [Alias] = []
  ) throws(LinkError) -> [ObjectFile] {
    var selection = InputSelection()
    for input in inputs {
      switch input {
      case .object(let object): try selection.add(object)
      case .archive(let archive) where wholeArchives:
        for member in archive.members { try selection.add(archive.linkObject(of: member)) }
      case .archive(let archive): try selection.add(archive)
      }
    }
    for name in names { selection.want(selection.number(of: name)) }
    let targets = Dictionary(aliases.map { ($0.name, $0.target) }) { first, _ in first }
    for alias in aliases { _ = selection.number(of: alias.name) }
    try selection.pull(following: targets)
    return selection.objects
  }

  private mutating func number(of name: String) -> Int { known(names.intern(name)) }

  /// Makes a state for a name that may be new.
  private mutating func known(_ number: Int) -> Int {
    if number == states.count { states.append(State()) }
    return number
  }

  private mutating func want(_ number: Int) {
    guard !states[number].isDefined, !states[number].isWanted else { return }
    states[number].isWanted = true
    wanted.append(number)
  }

  /// Adds an object: what it defines and what it wants.
  private mutating func add(_ object: ObjectFile) throws(LinkError) {
    objects.append(object)
    try forEachGlobal(of: object) { selection, number, symbol in
      if symbol.place != .undefined {
        selection.states[number].isDefined = true
      } else if symbol.binding != .weak {
        selection.want(number)
      }
    }
  }

  private mutating func forEachGlobal(
    of object: ObjectFile, _ body: (inout InputSelection, Int, Symbol) -> Void
  ) throws(LinkError) {
    guard let table = object.symbolTable, table.firstGlobal < table.count,
      let strings = try? object.bytes.extracting(table.names)
    else { return }
    let source = names.addStrings(strings)
    let symbols = object.symbols
    for index in table.firstGlobal..<table.count {
      let symbol = symbols[index]
      guard let name = try? strings.span.name(at: Int(symbol.nameOffset)) else { continue }
      body(&self, known(names.intern(name, in: source, at: symbol.nameOffset)), symbol)
    }
  }

  /// Adds an archive: what its members could define.
  private mutating func add(_ archive: Archive) throws(LinkError) {
    let position = archives.count
    archives.append(archive)
    isTaken.append([Bool](repeating: false, count: archive.members.count))
    let index: [Archive.IndexEntry]?
    do {
      index = try archive.symbolIndex()
    } catch {
      throw .malformed(error)
    }
    guard let index else {
      try addMembers(of: archive, at: position)
      return
    }
    let source = names.addStrings(archive.bytes)
    for entry in index {
      guard let offset = UInt32(exactly: entry.name.lowerBound) else { continue }
      let found = HashedName(byteCount: entry.name.count, hash: entry.hash)
      offer(known(names.intern(found, in: source, at: offset)), archive: position, member: entry.member)
    }
  }

  /// Does the work of a symbol index for an archive that has none. Members that are no ELF files define
  /// nothing.
  private mutating func addMembers(of archive: Archive, at position: Int) throws(LinkError) {
    for (member, description) in archive.members.enumerated() {
      let object: ObjectFile
      do {
        object = try archive.linkObject(of: description)
      } catch .malformed(let error) {
        if case .notELF = error.reason { continue }
        if error.reason == .empty { continue }
        throw .malformed(error)
      }
      try forEachGlobal(of: object) { selection, number, symbol in
        if symbol.place != .undefined { selection.offer(number, archive: position, member: member) }
      }
    }
  }

  private mutating func offer(_ number: Int, archive: Int, member: Int) {
    guard states[number].archive < 0 else { return }
    states[number].archive = Int32(truncatingIfNeeded: archive)
    states[number].member = Int32(truncatingIfNeeded: member)
  }

  /// Takes members until nothing is wanted that an archive could define.
  private mutating func pull(following targets: [String: String]) throws(LinkError) {
    var position = 0
    while position < wanted.count {
      let number = wanted[position]
      position += 1
      guard !states[number].isDefined else { continue }
      guard states[number].archive >= 0 else {
        if !targets.isEmpty, let target = targets[names.text(number)] { want(self.number(of: target)) }
        continue
      }
      let archive = Int(states[number].archive)
      let member = Int(states[number].member)
      guard !isTaken[archive][member] else { continue }
      isTaken[archive][member] = true
      try add(archives[archive].linkObject(of: archives[archive].members[member]))
    }
  }
}
