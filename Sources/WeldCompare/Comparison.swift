internal import WeldBytes
public import WeldELF
public import WeldLink
public import WeldMemory

/// The same objects linked by Weld and by other linkers at the same addresses, byte for byte.
///
/// Places whose bytes may differ, such as those that refer to a slot of the GOT, are compared through what
/// they resolve to. Frame descriptions (`.eh_frame`) are left out: the static linkers rewrite them.
public struct Comparison: Sendable {
  /// How the objects are linked.
  public struct Options: Sendable {
    /// Where the programs begin. Default 0x1000_0000.
    public var baseAddress = Address(rawValue: 0x1000_0000)
    /// Whether the linkers may rewrite instructions. Default `true`.
    public var relaxes = true
    /// Whether Weld may; `nil` for the same.
    public var weldRelaxes: Bool?
    /// Whether symbols that only weak references want get an address; `nil` for yes where the references
    /// could not reach address 0, which they would refer to otherwise.
    public var definesWeak: Bool?
    /// How long each of the linkers may take. Default 5 minutes.
    public var timeLimit: Duration = .seconds(300)

    /// The defaults.
    public init() {}
  }

  /// What came of it, in the order of the peers.
  public var results: [Result] = []

  /// What came of the comparison with one linker.
  public struct Result: Sendable {
    /// The linker.
    public var peer: Peer
    /// What came of it.
    public var outcome: Outcome
  }

  /// How a comparison ended.
  public enum Outcome: Sendable {
    /// The linker is not installed, or not for the machine.
    case absent
    /// The linker does not link the objects; what it said about it.
    case refused(program: String, reason: String)
    /// The bytes were compared.
    case compared(program: String, Findings)
  }

  /// Whether at least one linker linked the objects, and none differs in substance.
  public var isSame: Bool {
    let findings = results.compactMap(\.findings)
    return !findings.isEmpty && findings.allSatisfy { $0.differenceCount == 0 }
  }

  /// Links `objects` with Weld and each of `peers`.
  ///
  /// - Throws: what is wrong with the first object that Weld does not link.
  public static func run(
    _ objects: [ObjectFile], with peers: [Peer] = Peer.allCases, options: Options = Options()
  ) throws(LinkError) -> Comparison {
    var comparison = Comparison()
    guard let machine = objects.first?.header.machine else { return comparison }
    let isLow = options.baseAddress.rawValue < 1 << 30
    let preparation = Preparation(objects, definesWeak: options.definesWeak ?? !isLow)
    for peer in peers {
      guard let program = peer.program(for: machine) else {
        comparison.results.append(Result(peer: peer, outcome: .absent))
        continue
      }
      let image: PeerImage
      do {
        image = try peer.link(preparation, with: program, options)
      } catch {
        comparison.results.append(
          Result(peer: peer, outcome: .refused(program: program, reason: error.text)))
        continue
      }
      var images = ImageComparison(preparation, image, options)
      let findings = try images.run()
      comparison.results.append(Result(peer: peer, outcome: .compared(program: program, findings)))
    }
    return comparison
  }
}

extension Comparison {
  /// The objects among `inputs`, and of archives all members.
  public static func objects(of inputs: [LinkInput]) throws(LinkError) -> [ObjectFile] {
    var objects: [ObjectFile] = []
    for input in inputs {
      switch input {
      case .object(let object): objects.append(object)
      case .archive(let archive):
        for member in archive.members { objects.append(try archive.linkObject(of: member)) }
      }
    }
    return objects
  }
}

extension Comparison.Result {
  /// What was found, if the linker linked the objects.
  public var findings: Comparison.Findings? {
    if case .compared(_, let findings) = outcome { findings } else { nil }
  }
}

extension Comparison {
  /// What a comparison found.
  public struct Findings: Sendable {
    /// Sections whose bytes were compared.
    public var sectionCount = 0
    /// Relocations of them that write something.
    public var fieldCount = 0
    /// Places with other bytes that mean the same, by why they may differ.
    public var explanations: [Explanation: Int] = [:]
    /// How many places differ in substance.
    public var differenceCount: Int { differences.count }
    /// The places that differ in substance.
    public var differences: [Difference] = []
    /// Loaded sections that the other linker dropped or changed, or that cannot be told apart, and why.
    public var leftOut: [LeftOut: Int] = [:]
  }

  /// Why a section was not compared.
  public enum LeftOut: String, CaseIterable, Sendable {
    /// Static linkers rewrite them.
    case frames = "frame descriptions"
    /// It is not in the other program.
    case dropped = "sections dropped by the other linker"
    /// It has another size in the other program.
    case changed = "sections merged or resized by the other linker"
    /// The object has a section of the same name that cannot be renamed.
    case namesake = "sections with a namesake in their file"
  }

  /// A place that differs in substance.
  public struct Difference: Equatable, Sendable {
    /// The object.
    public var file: String
    /// The section's name.
    public var section: String
    /// Where the differing bytes begin, in bytes from the section's start.
    public var offset: Int
    /// The relocation's offset, type, symbol and addend; `nil` for bytes that no relocation changes.
    public var relocation: Relocation?
    /// Weld's bytes.
    public var ours: [UInt8]
    /// The other linker's.
    public var theirs: [UInt8]
    /// What Weld's bytes resolve to.
    public var ourMeaning: String
    /// What the other linker's bytes resolve to.
    public var theirMeaning: String
    /// The instructions around the place in Weld's image; empty for data.
    public var ourCode: [UInt8]
    /// The same in the other linker's.
    public var theirCode: [UInt8]

    /// A relocation.
    public struct Relocation: Equatable, Sendable {
      /// Its offset, in bytes from the section's start.
      public var offset: UInt64
      /// The number of its type.
      public var type: UInt32
      /// The symbol's name.
      public var symbol: String
      /// The addend.
      public var addend: Int64
    }
  }
}

extension Peer {
  /// Has the linker link what was prepared.
  func link(
    _ preparation: Preparation, with program: String, _ options: Comparison.Options
  ) throws(PeerProblem) -> PeerImage {
    switch self {
    case .lld, .gnu: try StaticLinker(peer: self, program: program, options: options).link(preparation)
    case .jitlink, .rtdyld:
      try JITLinker(peer: self, program: program, options: options).link(preparation)
    }
  }
}
