internal import WeldExecutor
internal import WeldBytes
internal import WeldCheck
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// Runs `llvm-rtdyld` or `llvm-jitlink`, and reads the memory that it made out of checks that fail: each says
/// what it found.
struct JITLinker {
  let peer: Peer
  let program: String
  let options: Comparison.Options

  /// Links what was prepared.
  func link(_ preparation: Preparation) throws(PeerProblem) -> PeerImage {
    let folder = try ScratchFolder()
    for file in preparation.files { try folder.write(file.bytes, to: file.name) }
    let externals = preparation.externals(knowsBase: false, entry: Self.entry)
    try folder.write(externals, to: Preparation.externals)
    let sections = try preparation.loadedSections(with: externals)
    // `llvm-jitlink` orders its slots and stubs in another way each time, so that all is asked at once.
    let symbols = peer == .jitlink ? try preparation.indirectSymbols() : []
    let answers = try ask(
      sections.flatMap(Self.questions(about:)) + symbols.flatMap(Self.questions(about:)), preparation,
      in: folder)
    var memory = PeerMemory(order: preparation.byteOrder)
    for section in sections {
      guard var address = answers[Self.address(of: section)] else { continue }
      // `llvm-jitlink` takes the first symbol's address for the section's.
      if peer == .jitlink { address &-= section.firstSymbol }
      memory.places.append(
        SectionPlaces.Entry(
          file: section.file, section: section.name, address: address, byteCount: section.byteCount))
      memory.chunks.append((address, Self.bytes(of: section, answers, preparation.byteOrder)))
    }
    if peer == .rtdyld { try addSynthetic(to: &memory, sections, preparation, in: folder) }
    memory.extras += symbols.compactMap { Self.extra($0, answers, preparation.byteOrder) }
    return memory.image(
      gotBase: try gotBase(memory, preparation),
      symbols: Dictionary(uniqueKeysWithValues: preparation.linkerMade.map { ($0, Self.placeholder) }))
  }

  /// What makes `llvm-jitlink` link all of the objects.
  private static let entry = "__weld_compare_entry"

  /// The address of symbols that static linkers define.
  private static let placeholder: UInt64 = 0x1000

  /// Each object has a TOC of its own: for `llvm-rtdyld` its `.toc` section, for `llvm-jitlink` its GOT,
  /// which takes that section in.
  private func gotBase(_ memory: PeerMemory, _ preparation: Preparation) throws(PeerProblem) -> UInt64 {
    guard preparation.machine == .ppc64 else { return 0 }
    guard peer == .rtdyld else {
      throw PeerProblem("moves the words of .toc sections to where they are not found")
    }
    let bases = memory.places.filter { $0.section == ".toc" }.map(\.address)
    guard bases.count < 2 else {
      throw PeerProblem("gives each object a TOC of its own; compare one object at a time")
    }
    return bases.first.map { $0 &+ 0x8000 } ?? 0
  }

  // MARK: - Questions

  private static func address(of section: LoadedSection) -> String {
    "section_addr(\(section.file), \(section.name))"
  }

  private static func load(_ byteCount: Int, _ section: LoadedSection, _ offset: Int) -> String {
    "*{\(byteCount)}(\(address(of: section))+\(offset))"
  }

  /// Where a section is, and what it holds.
  private static func questions(about section: LoadedSection) -> [String] {
    var questions = [address(of: section)]
    guard !section.isZero else { return questions }
    for offset in stride(from: 0, to: section.byteCount, by: 8) {
      if offset + 8 <= section.byteCount {
        questions.append(load(8, section, offset))
      } else {
        questions += (offset..<section.byteCount).map { load(1, section, $0) }
      }
    }
    return questions
  }

  /// Where the slot or the stub of a symbol is, and what it holds.
  private static func questions(about symbol: IndirectSymbol) -> [String] {
    let address = address(of: symbol)
    return [address] + (0..<(symbol.isBranch ? 6 : 2)).map { "*{8}(\(address)+\($0 * 8))" }
  }

  private static func address(of symbol: IndirectSymbol) -> String {
    "\(symbol.isBranch ? "stub_addr" : "got_addr")(\(symbol.file), \(symbol.name))"
  }

  private static func extra(
    _ symbol: IndirectSymbol, _ answers: [String: UInt64], _ order: ByteOrder
  ) -> (address: UInt64, bytes: [UInt8])? {
    let questions = questions(about: symbol)
    guard let address = answers[questions[0]] else { return nil }
    var bytes = [UInt8](repeating: 0, count: (questions.count - 1) * 8)
    for (number, question) in questions.dropFirst().enumerated() {
      bytes.store(answers[question] ?? 0, at: number * 8, order)
    }
    return (address, bytes)
  }

  /// Puts the answers about a section together.
  private static func bytes(
    of section: LoadedSection, _ answers: [String: UInt64], _ order: ByteOrder
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: section.byteCount)
    guard !section.isZero else { return bytes }
    for offset in stride(from: 0, to: section.byteCount, by: 8) {
      if offset + 8 <= section.byteCount {
        bytes.store(answers[load(8, section, offset)] ?? 0, at: offset, order)
      } else {
        for single in offset..<section.byteCount {
          bytes[single] = UInt8(truncatingIfNeeded: answers[load(1, section, single)] ?? 0)
        }
      }
    }
    return bytes
  }

  /// Reads the slots and the stubs that the sections refer to.
  private func addSynthetic(
    to memory: inout PeerMemory, _ sections: [LoadedSection], _ preparation: Preparation,
    in folder: ScratchFolder
  ) throws(PeerProblem) {
    let gots = preparation.files.map {
      LoadedSection(file: $0.name, name: ".got", byteCount: 0, isZero: true)
    }
    let found = try ask(gots.map(Self.address(of:)), preparation, in: folder)
    var anchors: [(address: UInt64, section: LoadedSection)] = []
    // Sections of zeros have no bytes to count from.
    for section in sections.filter({ !$0.isZero }) + gots {
      if let address = memory.places.first(where: { $0.file == section.file && $0.section == section.name })?
        .address ?? found[Self.address(of: section)]
      {
        anchors.append((address, section))
      }
    }
    anchors.sort { $0.address < $1.address }
    var wanted = memory.referredTo(in: preparation)
    // What a stub reads is known once the stub is.
    for _ in 0..<2 {
      try read(wanted, from: anchors, into: &memory, preparation, in: folder)
      wanted = memory.readByStubs(at: wanted, preparation.machine.idioms)
    }
  }

  /// Reads 48 bytes, a stub or a few slots, at each of `addresses`.
  private func read(
    _ addresses: Set<UInt64>, from anchors: [(address: UInt64, section: LoadedSection)],
    into memory: inout PeerMemory, _ preparation: Preparation, in folder: ScratchFolder
  ) throws(PeerProblem) {
    var questions: [(address: UInt64, words: [String])] = []
    for address in addresses {
      guard let anchor = anchors.last(where: { $0.address <= address }), address - anchor.address < 1 << 24
      else { continue }
      let offset = Int(address - anchor.address)
      questions.append((address, (0..<6).map { Self.load(8, anchor.section, offset + $0 * 8) }))
    }
    let answers = try ask(questions.flatMap(\.words), preparation, in: folder)
    for (address, words) in questions {
      var bytes = [UInt8](repeating: 0, count: 48)
      for (number, word) in words.enumerated() {
        bytes.store(answers[word] ?? 0, at: number * 8, preparation.byteOrder)
      }
      memory.extras.append((address, bytes))
    }
  }

  // MARK: - Answers

  private func arguments(for preparation: Preparation) -> [String] {
    let base = options.baseAddress.rawValue
    let names = preparation.linkerMade.sorted()
    guard peer == .rtdyld else {
      return [
        "-noexec", "-entry=\(Self.entry)", "-slab-allocate=256Mb", "-slab-address=\(base)",
        "-slab-page-size=4096",
      ] + names.map { "-abs=\($0)=\(Self.placeholder)" }
    }
    return [
      "-verify", "-triple=\(preparation.machine.triple)", "-target-addr-start=\(base)",
      "-target-addr-end=\(base &+ 0x4000_0000)", "-target-section-sep=4096",
    ] + names.map { "-dummy-extern=\($0)=\(Self.placeholder)" }
  }

  /// What expressions are; nothing for those that cannot be evaluated, and for 0.
  private func ask(
    _ expressions: [String], _ preparation: Preparation, in folder: ScratchFolder
  ) throws(PeerProblem) -> [String: UInt64] {
    guard !expressions.isEmpty else { return [:] }
    let prefix = peer == .rtdyld ? "rtdyld" : "jitlink"
    let checks = expressions.map { "# \(prefix)-check: \($0) = 0\n" }.joined()
    try folder.write(Array(checks.utf8), to: "checks")
    let output = try StaticLinker.start(
      [program, "-check=checks"] + arguments(for: preparation) + preparation.files.map(\.name)
        + [Preparation.externals], in: folder, options)
    var answers: [String: UInt64] = [:]
    var complaints: [UInt8] = []
    for line in output.errors.split(separator: UInt8(ascii: "\n")) {
      let text = String(decoding: line, as: UTF8.self)
      // Expression '*{8}(section_addr(0.o, .text)+0) = 0' is false: 0x1234 != 0x0
      if text.hasPrefix("Expression '"), let end = text.firstRange(of: " = 0' is false: 0x") {
        let value = text[end.upperBound...].prefix { $0 != " " }
        answers[String(text[..<end.lowerBound].dropFirst("Expression '".count))] = UInt64(value, radix: 16)
      } else if !text.hasPrefix("Error evaluating"), !text.contains("ome checks in ") {
        complaints += line + [UInt8(ascii: "\n")]
      }
    }
    guard output.signal == nil, !answers.isEmpty || complaints.isEmpty else {
      throw PeerProblem(
        StaticLinker.complaint(in: complaints) ?? "died of signal \(output.signal ?? 0)")
    }
    return answers
  }
}
