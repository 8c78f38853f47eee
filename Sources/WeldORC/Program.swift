internal import WeldBytes
internal import WeldELF
public import WeldExecutor
public import WeldLink
public import WeldMemory

/// Why a program could not be linked or started.
public enum ProgramError: Error, Equatable, Sendable {
  /// The link failed.
  case link(LinkError)
  /// The process that the program runs in failed, or a library could not be loaded there.
  case executor(ExecutorError)
}

extension ProgramError {
  /// The error of a program whose link failed; what failed in the executor says so itself.
  init(_ error: LinkError) {
    self = if case .executor(let cause) = error { .executor(cause) } else { .link(error) }
  }
}

extension ProgramError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .link(let error): error.description
    case .executor(let error): error.description
    }
  }
}

/// A program linked from objects and archives into this process or another one.
///
/// Definitions in objects and archives win over those of the process; then come the given libraries, in
/// order, then what the process itself exports. What the C library has only in its static part is supplied.
///
/// The memory lives as long as the program; nothing may run in it afterwards, threads that the program
/// started included.
public final class Program {
  let linker: RuntimeDyld
  let executor: any ExecutorProcessControl
  var argumentBlocks: [ArgumentBlock] = []

  /// How to link a program.
  public struct Options: Sendable {
    /// Shared libraries that undefined symbols may come from, by path.
    public var libraries: [String] = []
    /// Symbols with fixed addresses, for names that no object defines.
    public var absoluteSymbols: [String: Address] = [:]
    /// Second names for symbols.
    public var aliases: [Alias] = []
    /// Whether all members of archives take part, needed or not.
    public var wholeArchives = false
    /// The names of functions that will be asked for; archives' members that define them take part.
    public var entries = ["main"]
    /// Bytes of address space to reserve; `nil` for as much as the objects need.
    public var windowByteCount: Int?
    /// Where the window lies; `nil` for below 2 GiB if an object wants that, and near the C library
    /// otherwise.
    public var placement: MappedMemory.Placement?
    /// Whether instructions may be rewritten where that saves a load from the GOT.
    public var relaxes = true

    /// The defaults.
    public init() {}
  }

  /// Links a program: everything up to its constructors, which do not run yet.
  ///
  /// - Parameters:
  ///   - inputs: objects, which all take part, and archives, of which the members take part that are needed.
  ///   - executor: the process that the program is to run in; by default this one.
  ///   - options: how to link.
  public init(
    linking inputs: [LinkInput], on executor: any ExecutorProcessControl = InProcessExecutor(),
    options: Options = Options()
  ) throws(ProgramError) {
    self.executor = executor
    let libraries: LibrarySymbols
    do {
      libraries = try LibrarySymbols(libraries: options.libraries, includingProcess: true, in: executor)
    } catch {
      throw .executor(error)
    }
    do {
      linker = try Self.link(inputs, executor, libraries, options)
    } catch {
      throw ProgramError(error)
    }
  }

  private static func link(
    _ inputs: [LinkInput], _ executor: any ExecutorProcessControl, _ libraries: LibrarySymbols,
    _ options: Options
  ) throws(LinkError) -> RuntimeDyld {
    let objects = try InputSelection.select(
      inputs, wholeArchives: options.wholeArchives, wanting: options.entries, aliases: options.aliases)
    var linkOptions = RuntimeDyld.Options()
    linkOptions.relaxes = options.relaxes
    linkOptions.aliases = options.aliases
    let linker = RuntimeDyld(
      memory: try memory(for: objects, executor, options),
      lookup: ProgramSymbols(absolute: options.absoluteSymbols, libraries: libraries, inputs: inputs),
      options: linkOptions)
    for object in objects { try linker.load(object) }
    if let first = objects.first { try linker.load(SupportObject.make(for: first.header.machine)) }
    try linker.finalize()
    return linker
  }

  /// A window of the size and at the place that the objects need, unless the options say otherwise.
  private static func memory(
    for objects: [ObjectFile], _ executor: any ExecutorProcessControl, _ options: Options
  ) throws(LinkError) -> any MemoryManager {
    var placement = options.placement
    if placement == nil { placement = try AddressNeeds.wantsLowAddresses(objects) ? .low : .nearProcess }
    let needs = MemoryNeeds(
      windowByteCount: options.windowByteCount ?? AddressNeeds.windowByteCount(for: objects),
      placement: placement ?? .nearProcess)
    do {
      return try executor.makeMemory(for: needs)
    } catch {
      throw LinkError(error)
    }
  }

  /// The address of a function or variable of the program.
  public func address(of name: String) throws(ProgramError) -> Address {
    guard let found = linker.symbol(named: name) else {
      throw .link(.notDefined(symbol: name, suggestions: linker.suggestions(for: name)))
    }
    return found.address
  }

  /// All sections of the program in memory.
  public func sections() -> [RuntimeDyld.Section] {
    // Laid out when the program was linked, which is all that could fail.
    (try? linker.sections()) ?? []
  }

  /// All symbols of the program that are seen by name.
  public func symbolTable() -> [String: EvaluatedSymbol] { (try? linker.symbolTable()) ?? [:] }
}
