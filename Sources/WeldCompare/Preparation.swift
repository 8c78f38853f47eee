internal import WeldBytes
internal import WeldELF
internal import WeldLink

/// Objects as all linkers get them: under names of their own, with one more that defines what none of them
/// does.
struct Preparation {
  let machine: Machine
  let byteOrder: ByteOrder
  /// The copies, in the order of the objects.
  private(set) var files: [(name: String, bytes: [UInt8])] = []
  /// What each copy is one of.
  private(set) var originals: [String: ObjectFile] = [:]
  /// The names of each copy's loaded sections, but those that several share.
  private(set) var sectionNames: [String: Set<String>] = [:]
  /// Symbols that linkers define and an object wants.
  private(set) var linkerMade: Set<String> = []
  /// One symbol that each object defines, if it defines any that others see.
  private(set) var roots: [String] = []
  private var needs = Needs()
  private let flags: UInt32

  /// What the additional object has to define.
  private struct Needs {
    /// Symbols, and whether a strong reference wants them.
    var functions: [String: Bool] = [:]
    var threadLocals: Set<String> = []
    /// Common symbols: linkers would order them in their own ways.
    var commons: [String: (byteCount: UInt64, alignment: UInt64)] = [:]
  }

  /// - Parameter definesWeak: whether symbols that only weak references want are defined, too.
  init(_ objects: [ObjectFile], definesWeak: Bool) {
    machine = objects.first?.header.machine ?? .x86_64
    byteOrder = objects.first?.header.byteOrder ?? .little
    // Objects without code that depends on the ABI say 0.
    flags = objects.map(\.header.flags).max() ?? 0
    var defined: Set<String> = []
    for (number, object) in objects.enumerated() {
      let copy = ObjectCopy(of: object)
      let name = "\(number).o"
      files.append((name, copy.bytes))
      originals[name] = object
      sectionNames[name] = copy.sectionNames
      var own: Set<String> = []
      Self.scan(object, &needs, &own)
      if let root = own.subtracting(defined).min() { roots.append(root) }
      defined.formUnion(own)
    }
    for name in needs.functions.keys where LinkerMadeSymbol.names.contains(name) && !defined.contains(name) {
      linkerMade.insert(name)
    }
    needs.functions = needs.functions.filter {
      !defined.contains($0.key) && !linkerMade.contains($0.key) && needs.commons[$0.key] == nil
        && !needs.threadLocals.contains($0.key) && (definesWeak || $0.value)
    }
    needs.threadLocals.subtract(defined)
    needs.commons = needs.commons.filter { !defined.contains($0.key) }
  }

  private static func scan(_ object: ObjectFile, _ needs: inout Needs, _ defined: inout Set<String>) {
    guard let table = object.symbolTable else { return }
    let symbols = object.symbols
    for index in table.firstGlobal..<table.count {
      let symbol = symbols[index]
      let name = object.name(of: symbol)
      switch symbol.place {
      case .undefined where symbol.type == .tls: needs.threadLocals.insert(name)
      case .undefined: needs.functions[name] = needs.functions[name] ?? false || symbol.binding != .weak
      case .common, .largeCommon:
        let old = needs.commons[name] ?? (0, 1)
        needs.commons[name] = (max(old.byteCount, symbol.size), max(old.alignment, symbol.value))
      default: defined.insert(name)
      }
    }
  }

  /// Whether one of the files has a loaded section of this name.
  func hasSection(_ section: String, in file: String) -> Bool {
    file == Self.externals || sectionNames[file]?.contains(section) ?? false
  }

  /// The name of the additional object, and of its section that holds the address of the GOT.
  static let externals = "externals.o"
  static let baseSection = ".data.base"
  /// Its section that refers to all objects.
  static let rootSection = ".data.weld-compare-roots"

  /// The additional object.
  ///
  /// - Parameter addresses: what linker-made symbols are elsewhere; empty for the linker that makes them.
  func externals(
    at addresses: [String: UInt64] = [:], knowsBase: Bool = true, entry: String? = nil
  ) -> [UInt8] {
    var object = ObjectWriter(machine: machine, byteOrder: byteOrder)
    object.flags = flags
    let names = needs.functions.keys.sorted()
    // Apart from each other, so that an offset too many or too few is seen.
    let code = object.addSection(
      ".externals", flags: [.alloc, .executable], alignment: 64,
      contents: [UInt8](repeating: 0, count: (names.count + 1) * 64))
    for (number, name) in names.enumerated() {
      _ = object.addSymbol(name, in: code, at: UInt64(number) * 64, size: 64, type: .function)
    }
    for (number, (name, common)) in needs.commons.sorted(by: { $0.key < $1.key }).enumerated() {
      let room = object.addZeroSection(
        ".bss.common.\(number)", alignment: common.alignment, byteCount: common.byteCount)
      _ = object.addSymbol(name, in: room, size: common.byteCount, type: .object)
    }
    if !needs.threadLocals.isEmpty {
      let room = object.addZeroSection(
        ".tbss.externals", flags: [.alloc, .write, .tls], alignment: 8,
        byteCount: UInt64(needs.threadLocals.count) * 8)
      for (number, name) in needs.threadLocals.sorted().enumerated() {
        _ = object.addSymbol(name, in: room, at: UInt64(number) * 8, size: 8, type: .tls)
      }
    }
    for (name, address) in addresses.sorted(by: { $0.key < $1.key }) {
      _ = object.addAbsoluteSymbol(name, value: address)
    }
    if let entry { addRoots(to: &object, calling: entry) }
    guard knowsBase else { return object.bytes() }
    let base = object.addSection(
      Self.baseSection, flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0, count: 16))
    let idioms = machine.idioms
    let symbol = object.addUndefinedSymbol(idioms.gotBaseName)
    object.addRelocation(idioms.wordRelocation, in: base, at: 0, to: symbol, addend: 0)
    if let type = idioms.baseRelocation {
      object.addRelocation(type, in: base, at: 8, to: symbol, addend: 0)
    }
    return object.bytes()
  }
}

extension Preparation {
  /// Adds a table that refers to every object, for linkers that link only what is asked for.
  private func addRoots(to object: inout ObjectWriter, calling entry: String) {
    let table = object.addSection(
      Self.rootSection, flags: [.alloc, .write], alignment: 8,
      contents: [UInt8](repeating: 0, count: (roots.count + 1) * 8))
    _ = object.addSymbol(entry, in: table, size: 8, type: .object)
    for (number, name) in roots.enumerated() {
      object.addRelocation(
        machine.idioms.wordRelocation, in: table, at: UInt64(number) * 8, to: object.addUndefinedSymbol(name),
        addend: 0)
    }
  }
}

/// Symbols that linkers define whatever objects say. Others, such as `__start_NAME`, they define only where
/// no object does.
enum LinkerMadeSymbol {
  static let names: Set<String> = [
    "_GLOBAL_OFFSET_TABLE_", ".TOC.", "_TLS_MODULE_BASE_", "__bss_start", "_edata", "_end",
    "__rela_iplt_start", "__rela_iplt_end",
  ]
}
