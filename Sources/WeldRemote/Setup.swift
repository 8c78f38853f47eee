internal import WeldELF
internal import WeldExecutor
internal import WeldMemory

/// What an executor says of itself in its first message.
struct Setup {
  var triple: String
  var pageSize: UInt64
  /// The addresses of its services, by name.
  var symbols: [String: Address]

  /// Reads the payload of the first message.
  init(_ payload: [UInt8]) throws(ExecutorError.Loss) {
    var reader = SPSReader(payload)
    do {
      triple = try reader.string()
      pageSize = try reader.uint64()
      // Names and values of which nothing here has a use.
      _ = try reader.sequence(minimum: 16) { entry throws(SPSReader.Truncated) in
        (try entry.string(), try entry.byteSequence())
      }
      let entries = try reader.sequence(minimum: 16) { entry throws(SPSReader.Truncated) in
        (try entry.string(), try entry.address())
      }
      symbols = Dictionary(entries) { first, _ in first }
    } catch {
      throw .protocolViolation("a first message that ends too early")
    }
    guard pageSize.nonzeroBitCount == 1, pageSize <= 1 << 30 else {
      throw .protocolViolation("a page size of \(pageSize) bytes")
    }
  }

  /// What the executor is made for.
  var target: ExecutorTarget? {
    TargetTriple(triple).map {
      ExecutorTarget(triple: triple, machine: $0.machine, byteOrder: $0.byteOrder, pageSize: Int(pageSize))
    }
  }
}
