internal import WeldExecutor
internal import WeldBytes
internal import WeldCheck
internal import WeldELF
internal import WeldMemory

/// Runs `ld.lld` or GNU `ld`.
struct StaticLinker {
  let peer: Peer
  let program: String
  let options: Comparison.Options

  /// Links what was prepared into a program that begins at the base address.
  func link(_ preparation: Preparation) throws(PeerProblem) -> PeerImage {
    let folder = try ScratchFolder()
    for file in preparation.files { try folder.write(file.bytes, to: file.name) }
    try folder.write(preparation.externals(), to: Preparation.externals)
    let names = preparation.files.map(\.name) + [Preparation.externals]
    try folder.write(Array(names.joined(separator: "\n").utf8), to: "objects")
    let command = [program] + arguments(for: preparation.machine) + ["-Map=map", "-o", "program", "@objects"]
    try Self.run(command, in: folder, options)
    let mapFile = try folder.read("map")
    let map = [UInt8](copying: mapFile.span)
    let places = peer == .lld ? SectionPlaces.readLLD(map) : SectionPlaces.readGNU(map)
    return try PeerImage(
      program: try folder.read("program"),
      // What linkers make themselves, such as stubs, they list under the name of some object.
      places: places.filter { preparation.hasSection($0.section, in: $0.file) },
      idioms: preparation.machine.idioms)
  }

  private func arguments(for machine: Machine) -> [String] {
    let start = options.baseAddress.description
    var arguments = ["-static", "-z", "norelro", "--no-gc-sections", "-e", "0"]
    if !options.relaxes { arguments.append("--no-relax") }
    switch peer {
    // Above -O0, lld merges equal strings.
    case .lld: arguments += ["--image-base=\(start)", "-O0"]
    default: arguments += ["-Ttext-segment=\(start)"]
    }
    guard machine == .ppc64 else { return arguments }
    // GNU ld does not only rewrite code but drops words of .toc sections, so that the others move.
    if peer == .gnu || !options.relaxes { arguments.append("--no-toc-optimize") }
    if peer == .gnu && !options.relaxes { arguments.append("--no-tls-optimize") }
    if peer == .lld && !options.relaxes { arguments.append("--no-pcrel-optimize") }
    return arguments
  }

  /// Runs a command.
  static func start(
    _ command: [String], in folder: ScratchFolder, _ options: Comparison.Options
  ) throws(PeerProblem) -> ChildProcess.Output {
    do {
      return try ChildProcess.run(
        command, folder: folder.path, timeLimit: options.timeLimit, outputLimit: 1 << 28)
    } catch {
      switch error {
      case .notStarted(let number): throw PeerProblem("cannot be started: \(systemMessage(number))")
      case .timedOut(let limit): throw PeerProblem("no answer within \(limit)")
      case .tooMuchOutput(let limit): throw PeerProblem("wrote more than \(limit) bytes")
      }
    }
  }

  /// Runs a command that must succeed.
  @discardableResult
  static func run(
    _ command: [String], in folder: ScratchFolder, _ options: Comparison.Options
  ) throws(PeerProblem) -> ChildProcess.Output {
    let output = try start(command, in: folder, options)
    guard output.signal == nil, output.status == 0 else {
      let end = output.signal.map { "died of signal \($0)" } ?? "ended with status \(output.status)"
      throw PeerProblem(complaint(in: output.errors) ?? end)
    }
    return output
  }

  /// The first line that tells of an error, else the first one.
  static func complaint(in errors: [UInt8]) -> String? {
    let lines = errors.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    // GNU ld says first in which function the trouble is.
    return lines.first { line in
      !line.contains("warning:") && !line.contains("NOTE:") && !line.hasSuffix(":")
    } ?? lines.first
  }
}
