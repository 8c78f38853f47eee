internal import WeldELF

/// The numbers of each object's first symbol and section. For one object they need no memory of their own.
struct FirstNumbers: Sendable {
  private var first = Batch.Numbers()
  /// Those of objects behind the first one.
  private var others: [Batch.Numbers] = []
  /// How many there are of all objects.
  private var end = Batch.Numbers()

  init(of objects: [ObjectFile]) {
    others.reserveCapacity(max(objects.count - 1, 0))
    for position in objects.indices {
      let table = objects[position].symbolTable
      end.global = end.symbol + (table?.firstGlobal ?? 0)
      if position == 0 { first = end } else { others.append(end) }
      end.symbol += table?.count ?? 0
      end.section += objects[position].sectionCount
    }
    end.global = end.symbol
  }

  /// Those of the object at `position`, or, behind the last one, of what would follow.
  subscript(position: Int) -> Batch.Numbers {
    if position == 0 { return first }
    return position <= others.count ? others[position - 1] : end
  }

  /// How many there are, that behind the last object included.
  var count: Int { others.count + 2 }
}

/// Objects that are linked together.
///
/// Their symbols and sections are numbered through: symbol `i` of object `n` is `first[n].symbol + i`, and
/// likewise for sections. Everything that later stages know about a symbol or section is in arrays under
/// these numbers.
struct Batch: Sendable {
  var objects: [ObjectFile]
  /// The machine of all of them.
  let machine: Machine
  /// The names of the objects' global symbols, as far as they are known: of none, or of the first objects, empty for those of
  /// which they are not.
  let knownNames: [[KnownName]]
  /// The numbers of each object's first symbol and section, and at the end the numbers of all symbols and sections.
  let first: FirstNumbers

  /// The number of a symbol, and that of a section.
  struct Numbers: Sendable {
    var symbol = 0
    /// The number of the first symbol that is not local; that of the next object's first symbol, if all are.
    var global = 0
    var section = 0
  }

  init(_ objects: [ObjectFile], machine: Machine, knownNames: [[KnownName]] = []) {
    self.objects = objects
    self.machine = machine
    self.knownNames = knownNames
    first = FirstNumbers(of: objects)
  }

  /// The names of an object's global symbols, if they are known.
  func knownNames(ofObject position: Int) -> [KnownName] {
    position < knownNames.count ? knownNames[position] : []
  }

  /// The numbers of an object's symbols that are not local.
  func globals(ofObject position: Int) -> Range<Int> { first[position].global..<first[position + 1].symbol }

  var symbolCount: Int { first[objects.count].symbol }
  var sectionCount: Int { first[objects.count].section }

  /// The object that symbol `number` belongs to.
  func object(ofSymbol number: Int) -> Int { owner { $0.symbol <= number } }

  /// The object that section `number` belongs to.
  func object(ofSection number: Int) -> Int { owner { $0.section <= number } }

  /// The symbol with this number, as its object has it.
  func symbol(_ number: Int) -> Symbol {
    let position = object(ofSymbol: number)
    let object = objects[position]
    return object.symbols[number - first[position].symbol]
  }

  /// The name of the symbol with this number.
  func symbolName(_ number: Int) -> String {
    let position = object(ofSymbol: number)
    let object = objects[position]
    return object.name(of: object.symbols[number - first[position].symbol])
  }

  /// The name of the section with this number.
  func sectionName(_ number: Int) -> String {
    let object = object(ofSection: number)
    return objects[object].sectionName(SectionIndex(rawValue: UInt32(number - first[object].section)))
  }

  /// The last position whose first numbers are not above a number.
  private func owner(_ isNotAbove: (Numbers) -> Bool) -> Int {
    var low = 0
    var high = first.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if isNotAbove(first[middle]) { low = middle } else { high = middle }
    }
    return low
  }
}
