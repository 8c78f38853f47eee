public import WeldELF
public import WeldMemory

/// Why a link failed. Nothing of it is left behind: no memory, no symbol.
public enum LinkError: Error, Equatable, Sendable {
  /// An input that is no well-formed object or archive.
  case malformed(ELFError)
  /// Memory could not be had or protected.
  case memory(MemoryError)
  /// An object for a machine that Weld does not link.
  case unsupportedMachine(file: String, machine: Machine)
  /// An object for a machine that Weld links, but in another byte order or ABI; both in words.
  case unsupportedABI(file: String, found: String, expected: String)
  /// The process that the code is to run in failed.
  case executor(ExecutorError)
  /// An object for a machine that is not the one that is to run it.
  case foreignMachine(file: String, machine: String, runner: String)
  /// An object for another machine, or in another byte order, than the first one.
  case differentMachine(file: String, machine: Machine, expected: Machine)
  /// Two objects define the same symbol, neither of them weakly.
  case duplicateDefinition(symbol: String, first: String, second: String)
  /// Symbols that nothing defines.
  case undefinedSymbols([UndefinedSymbol])
  /// A relocation that cannot be applied.
  case relocation(RelocationProblem, at: RelocationPlace)
  /// A section that cannot be part of a link.
  case section(SectionProblem, file: String, section: String)
  /// A section that was given an address, and that no file has.
  case noSuchSection(file: String, section: String)
  /// A name that was asked for and is not defined.
  case notDefined(symbol: String, suggestions: [String])
  /// No object takes part.
  case nothingToLink
  /// A change of a graph that makes no sense.
  case graph(LinkGraphError)
  /// A call that came at the wrong time; the text says which must come first.
  case wrongOrder(String)

  /// A symbol that nothing defines, who wants it, and what it may have been meant to be.
  public struct UndefinedSymbol: Equatable, Sendable {
    /// The symbol's name.
    public var name: String
    /// Whether it may not be found outside of what is linked (`STV_HIDDEN` or `STV_INTERNAL`).
    public var isHidden: Bool
    /// The places that want it, in the order of the input.
    public var references: [RelocationPlace]
    /// The nearest spellings that exist, nearest first; sought for the first few symbols of an error only.
    public var suggestions: [String]
  }

  /// A relocation, by everything that identifies it to a reader.
  public struct RelocationPlace: Equatable, Sendable {
    /// The object's name.
    public var file: String
    /// The name of the section that is relocated.
    public var section: String
    /// Bytes from the section's start.
    public var offset: UInt64
    /// The psABI's name of the relocation type.
    public var type: String
    /// The symbol's name; a section's name for a section symbol.
    public var symbol: String
    /// The addend.
    public var addend: Int64
  }

  /// What can be wrong with a relocation.
  public enum RelocationProblem: Error, Equatable, Sendable {
    /// The psABI has no such type.
    case unknownType(UInt32)
    /// A type that only executables and shared libraries may contain.
    case dynamicOnly
    /// A type that the psABI withdrew.
    case deprecated
    /// A thread-local variable, which cannot be linked yet, reached in this way.
    case threadLocal(model: String)
    /// A thread-local variable that no object of the link defines.
    case threadLocalOutside
    /// An access to a thread-local variable of something that is none.
    case notThreadLocal
    /// An access to a thread-local variable as if it were none.
    case threadLocalMismatch
    /// Code that finds a thread-local variable and must be rewritten, but is none of the psABI's sequences.
    case unknownThreadLocalSequence
    /// The symbol's index lies outside of the symbol table.
    case symbolOutOfRange(index: UInt32, count: Int)
    /// The field lies outside of the section; both in bytes.
    case outsideSection(byteCount: Int, sectionByteCount: Int)
    /// The value does not fit in the field.
    case field(FieldError)
    /// The value does not fit because the symbol is far away and is no function, for which a stub could stand
    /// in.
    case farData(value: Int64, range: ClosedRange<Int64>)
    /// A call of the function that finds thread-local variables, which nothing defines, and which is not part
    /// of a sequence that does without.
    case missingThreadLocalResolver(name: String)
    /// The TOC reaches farther than an instruction with 16 bits does.
    case tocTooLarge(value: Int64, range: ClosedRange<Int64>)
    /// The function may change the TOC pointer, and the instruction after the call, `found`, is not the `nop`
    /// that could restore it; `nil` where there is none, as after a branch that does not return.
    case missingTOCRestore(found: UInt32?)
    /// `st_other` of the function's definition is one that the psABI reserves.
    case reservedLocalEntry(other: UInt8)
    /// A slot of the GOT, wanted by a section that is not loaded.
    case slotOutsideMemory
    /// The symbol lies in a section that was dropped in favour of another object's.
    case discardedTarget
    /// A table without addends (`SHT_REL`), which the psABI of this machine does not have.
    case withoutAddend
  }

  /// What can be wrong with a section.
  public enum SectionProblem: Equatable, Sendable {
    /// Both writable and executable.
    case writableAndExecutable
    /// An array of pointers whose size, in bytes, is not a whole number of them.
    case partialPointer(byteCount: UInt64)
    /// A second relocation section for it.
    case secondRelocationSection
    /// More bytes than memory can have.
    case tooLarge(byteCount: UInt64)
    /// An alignment, in bytes, that memory cannot have.
    case alignmentTooLarge(UInt64)
    /// Relocations for a section that has no contents (`SHT_NOBITS`).
    case relocatedZeros
    /// Relocations in the compact form (`SHT_CREL`).
    case compactRelocations
    /// Frame descriptions that an unwinder could not walk: the record that begins this many bytes from the
    /// section's start does not fit in it, refers to none that describes its function, or ends the section
    /// before its time.
    case malformedFrames(offset: Int)
  }
}

extension LinkError {
  /// The error of a link whose memory failed; what failed in another process says so itself.
  public init(_ error: MemoryError) {
    self = if case .executor(let cause) = error { .executor(cause) } else { .memory(error) }
  }
}

extension LinkError.RelocationPlace: CustomStringConvertible {
  /// `file: section+0xoffset: type against 'symbol'`, with the addend if there is one.
  public var description: String {
    let addendText = addend == 0 ? "" : addend > 0 ? " + \(addend)" : " - \(addend.magnitude)"
    return "\(file): \(section)+0x\(String(offset, radix: 16)): \(type) against '\(symbol)'\(addendText)"
  }
}

extension LinkError.RelocationProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownType(let number):
      "relocation type \(number) is not in the psABI; the object is damaged or newer"
    case .dynamicOnly: "this type occurs only in executables and shared libraries; link the original objects"
    case .deprecated:
      "this type is deprecated by the psABI and not linked; rebuild the object with a current compiler"
    case .threadLocalOutside:
      "no object of the link defines this thread-local variable; add the object that does, or compile it with -fPIC into a library"
    case .notThreadLocal: "the symbol is no thread-local variable; declare it alike in all files"
    case .threadLocalMismatch:
      "the symbol is a thread-local variable, which this type cannot reach; declare it thread_local in all files"
    case .unknownThreadLocalSequence:
      "the instructions there are not the psABI's sequence for this type; compile without hand-written TLS code"
    case .missingThreadLocalResolver(let name):
      "'\(name)' is not defined, and this call of it is not one that can be replaced; add the C library that defines it"
    case .tocTooLarge(let value, let range):
      "the TOC is too large: the distance \(hexadecimal(value)) is outside of "
        + "\(hexadecimal(range.lowerBound))...\(hexadecimal(range.upperBound)); compile with -mcmodel=medium"
    case .missingTOCRestore(let found):
      (found.map { "the call is followed by 0x\(String($0, radix: 16))" } ?? "nothing follows the branch")
        + " instead of a nop, so the TOC pointer cannot be restored after the function changed it; "
        + "compile the caller with -fPIC, or link the function with it"
    case .reservedLocalEntry:
      "the function's st_other has 7 in its upper three bits, which the psABI reserves; the object is damaged or newer"
    case .slotOutsideMemory: "a section that is not loaded refers to a slot of the GOT; the object is damaged"
    case .threadLocal(let model):
      "thread-local variables (\(model) model) cannot be linked yet; build without thread_local, or with -femulated-tls"
    case .symbolOutOfRange(let index, let count):
      "symbol index \(index) is outside of the symbol table of \(count) symbols"
    case .outsideSection(let byteCount, let sectionByteCount):
      "a field of \(byteCount) bytes there lies outside of the section of \(sectionByteCount) bytes"
    case .field(.overflow(let value, let range)):
      "the value \(hexadecimal(value)) is outside of \(hexadecimal(range.lowerBound))...\(hexadecimal(range.upperBound)); "
        + "compile with -fPIC (or -fPIE), with -mcmodel=large, or place the memory window nearer"
    case .field(.misaligned(let value, let alignment)):
      "the value \(hexadecimal(value)) is not a multiple of \(alignment)"
    case .farData(let value, let range):
      "the value \(hexadecimal(value)) is outside of \(hexadecimal(range.lowerBound))...\(hexadecimal(range.upperBound)): "
        + "the variable lies too far away for a direct reference; compile with -fPIC, which goes through the GOT"
    case .discardedTarget:
      "the symbol's section was dropped with its COMDAT group in favour of another object's; compile both objects alike"
    case .withoutAddend: "the relocation section has no addends (SHT_REL); expected SHT_RELA"
    }
  }
}

extension LinkError.SectionProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .writableAndExecutable:
      "the section is both writable and executable; expected at most one of the two"
    case .partialPointer(let byteCount): "\(byteCount) bytes are not a whole number of 8-byte pointers"
    case .malformedFrames(let offset):
      "the frame description at byte \(offset) cannot be walked by an unwinder; the object is damaged"
    case .secondRelocationSection: "a second relocation section for this section; expected at most one"
    case .tooLarge(let byteCount): "\(byteCount) bytes are more than memory can have"
    case .alignmentTooLarge(let alignment): "an alignment of \(alignment) bytes is more than memory can have"
    case .relocatedZeros: "relocations for a section without contents (SHT_NOBITS); the object is damaged"
    case .compactRelocations:
      "its relocations are in the compact form (SHT_CREL), which Weld does not read; "
        + "expected SHT_RELA, so compile without --crel"
    }
  }
}

extension LinkError: CustomStringConvertible {
  /// One line for each thing that is wrong.
  public var description: String {
    switch self {
    case .malformed(let error): error.description
    case .memory(let error): error.description
    case .unsupportedMachine(let file, let machine):
      "\(file): an object for \(machine), which Weld does not link; expected \(Machine.linkedNames)"
    case .unsupportedABI(let file, let found, let expected):
      "\(file): an object for \(found), which Weld does not link; expected \(expected)"
    case .executor(let error): error.description
    case .foreignMachine(let file, let machine, let runner):
      "\(file): an object for \(machine), which \(runner) cannot run; "
        + "run it in an executor for its machine (weld run --executor), or link it without running it (weld link, weld check)"
    case .differentMachine(let file, let machine, let expected):
      "\(file): an object for \(machine); expected \(expected), as the first object"
    case .duplicateDefinition(let symbol, let first, let second):
      "\(second): '\(symbol)' is already defined in \(first); make one of the definitions weak or static, or leave one out"
    case .undefinedSymbols(let symbols): symbols.map(\.description).joined(separator: "\n")
    case .relocation(let problem, let place): "\(place): \(problem)"
    case .section(let problem, let file, let section): "\(file): section '\(section)': \(problem)"
    case .noSuchSection(let file, let section):
      "\(file): there is no section '\(section)' that is loaded; check its name and that of the file, without folder"
    case .notDefined(let symbol, let suggestions):
      "'\(symbol)' is not defined by any of the objects" + suggestionText(suggestions)
    case .nothingToLink:
      "no object takes part: members of archives are linked only if something wants them; "
        + "name an object, or with --entry a symbol that a member defines"
    case .graph(let error): error.description
    case .wrongOrder(let text): text
    }
  }
}

extension LinkError.UndefinedSymbol: CustomStringConvertible {
  public var description: String {
    var text = references.first.map { "\($0.file): " } ?? ""
    text += "undefined \(isHidden ? "hidden " : "")symbol '\(name)'"
    if !references.isEmpty {
      let places = references.prefix(8).map { "\($0.file): \($0.section)+0x\(String($0.offset, radix: 16))" }
      text += ", wanted by " + places.joined(separator: ", ")
      if references.count > 8 { text += " and \(references.count - 8) more places" }
    }
    text += suggestionText(suggestions)
    if suggestions.isEmpty {
      text +=
        isHidden
        ? "; only an object of the link can define it"
        : "; add the object, archive or --library that defines it"
    }
    return text
  }
}

private func suggestionText(_ suggestions: [String]) -> String {
  suggestions.isEmpty ? "" : "; did you mean " + suggestions.map { "'\($0)'" }.joined(separator: " or ") + "?"
}

/// The value in hexadecimal digits, with its sign.
func hexadecimal(_ value: Int64) -> String {
  (value < 0 ? "-0x" : "0x") + String(value.magnitude, radix: 16)
}
