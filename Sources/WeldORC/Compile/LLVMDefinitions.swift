internal import WeldLink

/// What a module of LLVM IR, as text, defines: found by a look at the lines that begin definitions.
///
/// LLVM Language Reference, "Global Variables", "Functions", "Aliases", "Linkage Types".
struct LLVMDefinitions {
  private(set) var symbols: [String: SymbolFlags] = [:]
  private(set) var hasInitializers = false

  /// `nil` for what is not text, such as bitcode.
  init?(of bytes: [UInt8]) {
    guard bytes.first != UInt8(ascii: "B"), let text = String(validating: bytes, as: UTF8.self) else {
      return nil
    }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("define ") {
        addFunction(line)
      } else if line.hasPrefix("@") {
        addGlobal(line)
      }
    }
  }

  private mutating func addFunction(_ line: Substring) {
    guard let start = line.firstIndex(of: "@") else { return }
    add(Self.name(at: start, of: line), words: line[..<start].split(separator: " "), isFunction: true)
  }

  private mutating func addGlobal(_ line: Substring) {
    let name = Self.name(at: line.startIndex, of: line)
    guard let equals = line.range(of: " = ") else { return }
    let words = line[equals..<line.endIndex].dropFirst(3).split(separator: " ", maxSplits: 12)
    if name == "llvm.global_ctors" || name == "llvm.global_dtors" { hasInitializers = true }
    // Declarations say so instead of a linkage.
    guard !name.hasPrefix("llvm."), !words.contains("external"), !words.contains("extern_weak") else {
      return
    }
    let kind = words.first { ["global", "constant", "alias", "ifunc"].contains($0) }
    add(name, words: words.prefix { $0 != kind ?? "" }, isFunction: kind == "ifunc")
  }

  private mutating func add(_ name: String, words: some Sequence<Substring>, isFunction: Bool) {
    var flags: SymbolFlags = isFunction ? [.exported, .callable] : .exported
    for word in words {
      switch word {
      case "private", "internal", "available_externally": return
      case "weak", "weak_odr", "linkonce", "linkonce_odr": flags.insert(.weak)
      case "common": flags.insert(.common)
      case "hidden": flags.remove(.exported)
      default: break
      }
    }
    symbols[name] = flags
  }

  /// The name after the `@` at `start`: plain, or in quotes with bytes as `\XX`. A first byte of 1 means that nothing is put before
  /// the name, and nothing is.
  private static func name(at start: Substring.Index, of line: Substring) -> String {
    let rest = line[line.index(after: start)...]
    guard rest.hasPrefix("\"") else {
      return String(rest.prefix { $0.isLetter || $0.isNumber || "-$._".contains($0) })
    }
    let quoted = Array(rest.dropFirst().prefix { $0 != "\"" }.utf8)
    var bytes: [UInt8] = []
    var position = 0
    while position < quoted.count {
      if quoted[position] == UInt8(ascii: "\\"), position + 2 < quoted.count,
        let byte = UInt8(String(decoding: quoted[position + 1...position + 2], as: UTF8.self), radix: 16)
      {
        bytes.append(byte)
        position += 3
      } else {
        bytes.append(quoted[position])
        position += 1
      }
    }
    if bytes.first == 1 { bytes.removeFirst() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What a unit for the module promises.
  func interface(named name: String, names: SymbolStringPool) -> ObjectInterface {
    ObjectInterface(
      symbols: SymbolFlagsMap(uniqueKeysWithValues: symbols.map { (names.intern($0.key), $0.value) }),
      initializerSymbol: hasInitializers ? ObjectInterface.newInitializer(named: name, names: names) : nil)
  }
}

extension Substring {
  /// Where `text` begins first.
  fileprivate func range(of text: String) -> Index? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) { return index }
      formIndex(after: &index)
    }
    return nil
  }
}
