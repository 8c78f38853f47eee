internal import WeldELF
public import WeldExecutor
public import WeldLink
public import WeldMemory

/// Why a program could not be linked or started.
public enum ProgramError: Error, Equatable, Sendable {
  /// The link failed.
  case link(LinkError)
  /// A library could not be loaded.
  case executor(ExecutorError)
}

extension ProgramError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .link(let error): error.description
    case .executor(let error): error.description
    }
  }
}

/// A program linked from objects and archives into this process.
///
/// Definitions in objects and archives win over those of the process; then come the given libraries, in
/// order, then what the process itself exports. What the C library has only in its static part is supplied.
///
/// The memory lives as long as the program; nothing may run in it afterwards, threads that the program
/// started included.
public final class Program {
  private let linker: RuntimeDyld
  private let executor: InProcessExecutor
  private let initializers: [Initializers]
  private let handle: Address

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
  public init(linking inputs: [LinkInput], options: Options = Options()) throws(ProgramError) {
    do {
      executor = try InProcessExecutor(libraries: options.libraries)
    } catch {
      throw .executor(error)
    }
    do {
      linker = try Self.link(inputs, executor, options)
      initializers = try linker.initializers()
    } catch {
      throw .link(error)
    }
    // The support object defines it, unless an object of the program does.
    handle = linker.symbol(named: "__dso_handle")?.address ?? .zero
  }

  private static func link(
    _ inputs: [LinkInput], _ executor: InProcessExecutor, _ options: Options
  ) throws(LinkError) -> RuntimeDyld {
    let objects = try InputSelection.select(
      inputs, wholeArchives: options.wholeArchives, wanting: options.entries, aliases: options.aliases)
    var linkOptions = RuntimeDyld.Options()
    linkOptions.relaxes = options.relaxes
    linkOptions.aliases = options.aliases
    let linker = RuntimeDyld(
      memory: try memory(for: objects, options),
      lookup: ProgramSymbols(absolute: options.absoluteSymbols, executor: executor, inputs: inputs),
      options: linkOptions)
    for object in objects { try linker.load(object) }
    if let first = objects.first { try linker.load(SupportObject.make(for: first.header.machine)) }
    try linker.finalize()
    return linker
  }

  /// A window of the size and at the place that the objects need, unless the options say otherwise.
  private static func memory(for objects: [ObjectFile], _ options: Options) throws(LinkError) -> MappedMemory
  {
    var placement = options.placement
    if placement == nil { placement = try AddressNeeds.wantsLowAddresses(objects) ? .low : .nearProcess }
    do {
      return try MappedMemory(
        windowByteCount: options.windowByteCount ?? AddressNeeds.windowByteCount(for: objects),
        placement: placement ?? .nearProcess)
    } catch {
      throw .memory(error)
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

  /// Runs the program once: constructors, the function called `entry` with `argc`, `argv` and the
  /// environment, exit handlers, destructors.
  ///
  /// A program that calls `exit` ends the process instead, after its exit handlers and destructors.
  ///
  /// - Parameters:
  ///   - entry: the name of the function to call.
  ///   - arguments: the arguments, beginning with the program's name.
  /// - Returns: what the function returned.
  public func run(entry: String = "main", arguments: [String]) throws(ProgramError) -> Int32 {
    let function = try address(of: entry)
    let arguments = ProgramArguments(arguments)
    runConstructors(arguments)
    let status = executor.runAsMain(function, arguments)
    executor.runExitHandlers(of: handle)
    return status
  }

  private func runConstructors(_ arguments: ProgramArguments) {
    // Registered first, so that it runs after all that the program registers.
    executor.atExit(of: handle) { [executor, initializers] in
      for run in initializers.flatMap(\.after) {
        executor.callAll(in: run.address, count: run.count, reversed: run.isReversed, arguments)
      }
    }
    for run in initializers.flatMap(\.before) {
      executor.callAll(in: run.address, count: run.count, reversed: run.isReversed, arguments)
    }
  }
}
