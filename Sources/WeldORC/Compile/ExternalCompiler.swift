internal import Synchronization
internal import WeldBytes
public import WeldELF
internal import WeldExecutor
public import WeldLink
internal import WeldMemory

/// A text, or the bitcode of LLVM, that another program can compile.
public final class SourceText: Sendable {
  /// What errors call it.
  public let name: String
  public let bytes: [UInt8]
  /// What it defines, if that is known.
  public let symbols: [String: SymbolFlags]?
  /// What was compiled to find out what it defines, until it is wanted.
  private let compiled = Mutex<ObjectFile?>(nil)

  /// - Parameter symbols: what it defines. Without it LLVM IR as text is searched for definitions, and everything else
  ///   compiled as soon as it is added.
  public init(_ bytes: [UInt8], name: String, symbols: [String: SymbolFlags]? = nil) {
    self.bytes = bytes
    self.name = name
    self.symbols = symbols
  }

  /// As ``init(_:name:symbols:)-([UInt8],_,_)``, for text.
  public convenience init(_ text: String, name: String, symbols: [String: SymbolFlags]? = nil) {
    self.init(Array(text.utf8), name: name, symbols: symbols)
  }

  func keep(_ object: ObjectFile) { compiled.withLock { $0 = object } }
  func takeCompiled() -> ObjectFile? { compiled.withLock { $0.take() } }
}

/// Why an external compiler gave no object.
public enum ExternalCompilerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The program could not be started.
  case notStarted(program: String, source: String, reason: String)
  /// It said that something is wrong, or died.
  case failed(program: String, source: String, status: Int32, signal: Int32?, messages: String)
  /// It did not end in time.
  case timedOut(program: String, source: String, limit: Duration)
  /// It wrote more than so many bytes.
  case tooMuchOutput(program: String, source: String, limit: Int)
  /// What it wrote is no object.
  case notAnObject(program: String, source: String, ELFError)

  public var description: String {
    switch self {
    case .notStarted(let program, let source, let reason):
      "\(source): cannot start \(program): \(reason); install it or name another compiler"
    case .failed(let program, let source, let status, let signal, let messages):
      "\(source): \(program) \(signal.map { "died of signal \($0)" } ?? "failed with status \(status)")"
        + (messages.isEmpty ? "" : ": \(messages)")
    case .timedOut(let program, let source, let limit):
      "\(source): \(program) took longer than \(limit); simplify the source or raise the limit"
    case .tooMuchOutput(let program, let source, let limit):
      "\(source): \(program) wrote more than \(limit) bytes; expected an object"
    case .notAnObject(let program, let source, let error):
      "\(source): \(program) wrote no object: \(error); pass options that make it write one to its output"
    }
  }
}

/// Compiles with another program, such as `clang` or `llc`: the source goes to its standard input, the object comes
/// from its standard output.
public struct ExternalCompiler: Compiler {
  /// The program and its arguments.
  public let command: [String]
  /// How long it may take.
  public let timeLimit: Duration
  /// How many bytes it may write.
  public let outputLimit: Int
  private let isLLVMIR: Bool

  /// - Parameters:
  ///   - command: a program, found as the shell finds it, and its arguments.
  ///   - isLLVMIR: whether sources are LLVM IR, of which text is searched for what it defines.
  ///   - timeLimit: how long it may take for one source.
  ///   - outputLimit: how many bytes it may write for one source.
  public init(
    _ command: [String], isLLVMIR: Bool = false, timeLimit: Duration = .seconds(60),
    outputLimit: Int = 1 << 30
  ) {
    self.command = command
    self.isLLVMIR = isLLVMIR
    self.timeLimit = timeLimit
    self.outputLimit = outputLimit
  }

  /// `clang`, for source in `language`, what its option `-x` takes: `c`, `c++`, `ir`, `assembler`.
  ///
  /// - Parameters:
  ///   - program: its name or path, if it is not called `clang`.
  ///   - options: more arguments, such as `-O2` or `--target=s390x-linux-gnu`.
  public static func clang(
    _ language: String, program: String = "clang", options: [String] = ["-O2"]
  ) -> ExternalCompiler {
    ExternalCompiler(
      [program, "-c", "-fPIC", "-x", language] + options + ["-o", "-", "-"], isLLVMIR: language == "ir")
  }

  /// `llc`, for LLVM IR as text or bitcode.
  ///
  /// - Parameters:
  ///   - program: its name or path, if it is not called `llc`.
  ///   - options: more arguments, such as `-O2` or `--mtriple=powerpc64le-linux-gnu`.
  public static func llc(program: String = "llc", options: [String] = ["-O2"]) -> ExternalCompiler {
    ExternalCompiler(
      [program, "-filetype=obj", "-relocation-model=pic"] + options + ["-o", "-", "-"], isLLVMIR: true)
  }

  public func interface(of source: SourceText, names: SymbolStringPool) throws -> ObjectInterface {
    if let symbols = source.symbols {
      return ObjectInterface(
        symbols: SymbolFlagsMap(uniqueKeysWithValues: symbols.map { (names.intern($0.key), $0.value) }))
    }
    if isLLVMIR, let definitions = LLVMDefinitions(of: source.bytes) {
      return definitions.interface(named: source.name, names: names)
    }
    let object = try run(source)
    source.keep(object)
    return ObjectInterface(of: object, names: names)
  }

  public func compile(_ source: SourceText) throws -> ObjectFile {
    if let object = source.takeCompiled() { return object }
    return try run(source)
  }

  /// The command and the source. The version of a program is not part of it, so that a program which is replaced should be
  /// called otherwise, or get another folder for its objects.
  public func cacheKey(of source: SourceText) -> [UInt8]? {
    Array(command.joined(separator: "\0").utf8) + [0, 0] + source.bytes
  }

  private func run(_ source: SourceText) throws(ExternalCompilerError) -> ObjectFile {
    let program = command.first ?? ""
    let result: ChildProcess.Output
    do {
      result = try ChildProcess.run(
        command, input: source.bytes, timeLimit: timeLimit, outputLimit: outputLimit)
    } catch {
      switch error {
      case .notStarted(let errno):
        throw .notStarted(program: program, source: source.name, reason: systemMessage(errno))
      case .timedOut(let limit): throw .timedOut(program: program, source: source.name, limit: limit)
      case .tooMuchOutput(let limit):
        throw .tooMuchOutput(program: program, source: source.name, limit: limit)
      }
    }
    guard result.signal == nil, result.status == 0 else {
      let messages = String(decoding: result.errors.prefix(4096), as: UTF8.self)
      throw .failed(
        program: program, source: source.name, status: result.status, signal: result.signal,
        messages: messages)
    }
    do {
      return try ObjectFile(Bytes(result.output), name: source.name)
    } catch {
      throw .notAnObject(program: program, source: source.name, error)
    }
  }
}
