internal import WeldELF

/// Objects that are linked together.
///
/// Their symbols and sections are numbered through: symbol `i` of object `n` is `firstSymbol[n] + i`, and
/// likewise for sections. Everything that later stages know about a symbol or section is in arrays under
/// these numbers.
struct Batch: Sendable {
  var objects: [ObjectFile]
  /// The machine of all of them.
  let machine: Machine
  /// The number of each object's first symbol, and one more: the number of all symbols.
  let firstSymbol: [Int]
  /// The number of each object's first section, and one more: the number of all sections.
  let firstSection: [Int]

  init(_ objects: [ObjectFile], machine: Machine) {
    self.objects = objects
    self.machine = machine
    var symbols = 0
    var sections = 0
    var firstSymbol: [Int] = []
    var firstSection: [Int] = []
    firstSymbol.reserveCapacity(objects.count + 1)
    firstSection.reserveCapacity(objects.count + 1)
    // By position, since a loop over objects copies each.
    for position in objects.indices {
      firstSymbol.append(symbols)
      firstSection.append(sections)
      symbols += objects[position].symbolCount
      sections += objects[position].sectionCount
    }
    firstSymbol.append(symbols)
    firstSection.append(sections)
    self.firstSymbol = firstSymbol
    self.firstSection = firstSection
  }

  var symbolCount: Int { firstSymbol[objects.count] }
  var sectionCount: Int { firstSection[objects.count] }

  /// The object that symbol `number` belongs to.
  func object(ofSymbol number: Int) -> Int { Self.owner(of: number, in: firstSymbol) }

  /// The object that section `number` belongs to.
  func object(ofSection number: Int) -> Int { Self.owner(of: number, in: firstSection) }

  /// The symbol with this number, as its object has it.
  func symbol(_ number: Int) -> Symbol {
    let object = object(ofSymbol: number)
    return objects[object].symbols[number - firstSymbol[object]]
  }

  /// The name of the symbol with this number.
  func symbolName(_ number: Int) -> String {
    let object = object(ofSymbol: number)
    return objects[object].name(of: objects[object].symbols[number - firstSymbol[object]])
  }

  /// The name of the section with this number.
  func sectionName(_ number: Int) -> String {
    let object = object(ofSection: number)
    return objects[object].sectionName(SectionIndex(rawValue: UInt32(number - firstSection[object])))
  }

  /// The last position whose first number is not above `number`.
  private static func owner(of number: Int, in first: [Int]) -> Int {
    var low = 0
    var high = first.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if first[middle] <= number { low = middle } else { high = middle }
    }
    return low
  }
}
