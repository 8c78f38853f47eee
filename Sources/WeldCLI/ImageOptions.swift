import ArgumentParser
import Weld

/// What is linked into an image, and where the image pretends to be: for `weld check` and `weld link`.
struct ImageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Reject objects of another machine than this triple's. (default: the first object's)",
      valueName: "triple"), transform: { try TargetTriple.linkedMachine(of: $0) })
  var target: Machine?

  @Option(
    name: .customLong("absolute"), parsing: .singleValue,
    help: ArgumentHelp(
      "Define a symbol at an address; overrides no object. May be repeated.", valueName: "name=address"))
  var absoluteSymbols: [AbsoluteSymbol] = []

  @Option(
    name: .customLong("alias"), parsing: .singleValue,
    help: ArgumentHelp("Give a symbol a second name. May be repeated.", valueName: "new=old"))
  var aliases: [AliasArgument] = []

  @Flag(
    name: .customLong("phantom-externals"),
    help: "Give every undefined symbol an address of its own, near the image.")
  var inventsExternals = false

  @Option(
    name: .customLong("library"), parsing: .singleValue,
    help: ArgumentHelp(
      "A shared library that undefined symbols may come from. May be repeated.", valueName: "path"))
  var libraries: [String] = []

  @Option(help: ArgumentHelp("A symbol that must be defined.", valueName: "name"))
  var entry: String?

  @Option(
    name: .customLong("section-address"), parsing: .singleValue,
    help: ArgumentHelp(
      "Put a section of the object with this base name at an address. May be repeated.",
      valueName: "file,section=address"))
  var sectionAddresses: [SectionAddressArgument] = []

  @Option(
    help: ArgumentHelp("Where the sections begin that have no address of their own.", valueName: "address"))
  var baseAddress: AddressArgument?

  @Option(help: ArgumentHelp("Bytes that the image may take.", valueName: "bytes"))
  var slabSize: ByteCountArgument?

  @Option(
    help: ArgumentHelp("What the starts of segments are rounded up to, a power of two.", valueName: "bytes"))
  var pageSize: PageSizeArgument?

  @Flag(name: .customLong("no-relax"), help: "Rewrite no instructions.")
  var keepsInstructions = false

  @Argument(help: ArgumentHelp("Objects and archives.", valueName: "object"))
  var inputs: [String]

  /// Opens the inputs and links them.
  func link() throws -> LinkMap {
    try ImageLinker.link(try inputs.map { try LinkInput(path: $0) }, options: try linkerOptions())
  }

  private func linkerOptions() throws -> ImageLinker.Options {
    var options = ImageLinker.Options()
    options.machine = target
    options.absoluteSymbols = Dictionary(absoluteSymbols.map { ($0.name, $0.address) }) { _, last in last }
    options.aliases = aliases.map(\.alias)
    options.inventsExternals = inventsExternals
    if !libraries.isEmpty { options.lookup = try LibrarySymbols(libraries: libraries) }
    options.entry = entry
    options.sectionAddresses = sectionAddresses.map(\.place)
    if let baseAddress { options.baseAddress = baseAddress.address }
    if let slabSize { options.byteLimit = slabSize.byteCount }
    if let pageSize { options.pageByteCount = pageSize.byteCount }
    options.relaxes = !keepsInstructions
    return options
  }
}
