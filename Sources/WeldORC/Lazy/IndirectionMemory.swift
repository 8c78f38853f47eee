internal import Synchronization
internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Memory of the executor for stubs and trampolines, and which code goes there.
final class IndirectionMemory: Sendable {
  let executor: any ExecutorProcessControl
  let code: any IndirectionCode.Type
  private let current = Mutex<(any MemoryManager)?>(nil)

  /// - Throws: ``OrcError/executor(_:)`` for a machine that Weld does not link.
  init(of executor: any ExecutorProcessControl) throws(OrcError) {
    guard let code = indirectionCode(for: executor.target) else {
      throw .executor(.unsupportedTarget(triple: executor.target.triple))
    }
    self.executor = executor
    self.code = code
  }

  var pageSize: Int { executor.target.pageSize }

  /// Makes room for code of `codeByteCount` bytes, and zeros of `dataByteCount` bytes behind its pages; `write` is given
  /// the addresses of both, and returns the code.
  func place(
    codeByteCount: Int, dataByteCount: Int, _ write: (_ code: Address, _ data: Address) -> [UInt8]
  ) throws(OrcError) -> PlacedCode {
    let segments = [
      SegmentRequest(
        protection: [.read, .execute], contentByteCount: codeByteCount, byteCount: codeByteCount,
        alignment: 16),
      SegmentRequest(
        protection: [.read, .write], contentByteCount: 0, byteCount: dataByteCount, alignment: 16),
    ]
    do {
      var allocation = try allocate(segments)
      let (start, data) = (allocation.segments[0], allocation.segments[1].address)
      let code = write(start.address, data)
      var bytes = allocation.bytes
      for (offset, byte) in code.enumerated() {
        bytes.storeBytes(of: byte, toByteOffset: start.workingOffset + offset, as: UInt8.self)
      }
      return PlacedCode(try allocation.finalize(FinalizeWork()))
    } catch {
      if case .executor(let error) = error { throw .executor(error) }
      throw .link(.memory(error))
    }
  }

  private func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    if let memory = current.withLock({ $0 }) {
      do {
        return try memory.allocate(segments)
      } catch {
        guard case .windowFull = error else { throw error }
      }
    }
    let memory = try executor.makeMemory(for: MemoryNeeds(windowByteCount: Self.windowByteCount))
    current.withLock { $0 = memory }
    return try memory.allocate(segments)
  }

  /// Address space for some millions of stubs.
  private static let windowByteCount = 1 << 26
}

/// Code in its place, and its data; dropped, they give everything back.
final class PlacedCode: Sendable {
  private let allocation: FinalizedAllocation

  init(_ allocation: consuming FinalizedAllocation) { self.allocation = allocation }

  var code: Address { allocation.segments[0].address }
  var data: Address { allocation.segments[1].address }
}
