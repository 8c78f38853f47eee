internal import Synchronization
internal import WeldBytes
public import WeldELF
internal import WeldExecutor
public import WeldMemory

/// Memory of an executor: written here, and sent there as a whole when it is finalized.
///
/// Each allocation is a reservation of its own. Where it lies is for the executor's operating system to choose.
public struct RemoteMemory: MemoryManager {
  private let executor: SimpleRemoteEPC
  private let isLow: Bool

  /// Memory of `executor`, which is not disconnected before the memory has gone back.
  ///
  /// - Parameter isLow: whether it lies below 2 GiB if the executor is for x86_64, for code compiled with neither
  ///   `-fPIC` nor `-fPIE`.
  public init(_ executor: SimpleRemoteEPC, isLow: Bool = false) {
    self.executor = executor
    self.isLow = isLow
  }

  public var machine: Machine? { executor.target.machine }

  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    let pageSize = executor.target.pageSize
    let layout = try SegmentLayout(of: segments, pageSize: pageSize)
    let working = try WorkingMemory(byteCount: layout.byteCount)
    let source: any RemoteSource = (isLow ? LowMemory(executor) : nil) ?? executor.services
    let backing = try RemoteAllocation(executor, source, working, segments, layout)
    let placements = zip(segments, layout.offsets).map { segment, offset in
      Allocation.Placement(
        address: backing.start.advanced(by: UInt64(offset)), workingOffset: offset,
        workingByteCount: segment.byteCount)
    }
    // `backing` keeps the buffer, and reads it only once the allocation is used up.
    return unsafe Allocation(segments: placements, working: working.buffer, backing: backing)
  }
}

/// One reservation in an executor.
private final class RemoteAllocation: AllocationBacking {
  private let executor: SimpleRemoteEPC
  private let source: any RemoteSource
  private let segments: [SegmentRequest]
  private let layout: SegmentLayout
  /// What was reserved; 0 if there is nothing to reserve memory for.
  private let reservation: Address
  /// Where the first segment begins: the executor knows of no alignment but that of pages.
  let start: Address
  private let state: Mutex<State>

  private struct State {
    /// Whether the reservation is to be given back.
    var isReserved: Bool
    /// The bytes to be sent; `nil` once they were.
    var working: WorkingMemory?
  }

  init(
    _ executor: SimpleRemoteEPC, _ source: any RemoteSource, _ working: WorkingMemory,
    _ segments: [SegmentRequest], _ layout: SegmentLayout
  ) throws(MemoryError) {
    let (byteCount, overflow) = layout.byteCount.addingReportingOverflow(
      layout.alignment - executor.target.pageSize)
    guard !overflow else { throw .tooLarge }
    self.executor = executor
    self.source = source
    self.segments = segments
    self.layout = layout
    do {
      reservation = layout.byteCount > 0 ? try source.reserve(byteCount) : .zero
    } catch {
      throw .executor(error)
    }
    let mask = UInt64(layout.alignment - 1)
    start = Address(rawValue: (reservation.rawValue &+ mask) & ~mask)
    state = Mutex(State(isReserved: layout.byteCount > 0, working: working))
  }

  deinit {
    // An executor that is lost has no memory of ours, and one that refuses tells nobody.
    if state.withLock({ $0.isReserved }) { try? source.deallocate(reservation) }
  }

  func finalize(_ work: FinalizeWork) throws(MemoryError) {
    guard let working = state.withLock({ $0.working.take() }) else { return }
    var actions = work.actions
    if let frames = work.frames { actions.insert(executor.services.action(for: frames), at: 0) }
    guard layout.byteCount > 0 || !actions.isEmpty else { return }
    do throws(ExecutorError) {
      for call in actions.flatMap({ [$0.finalize, $0.deallocate] }) {
        if let call { try FunctionCall(call.function).prove() }
      }
      // Memory that fails to be finalized, the executor gives back itself.
      state.withLock { $0.isReserved = false }
      try source.finalize(
        remoteSegments(working, writable: !work.indirectFunctions.isEmpty), completed(actions))
      state.withLock { $0.isReserved = layout.byteCount > 0 }
      try resolve(work.indirectFunctions)
    } catch {
      throw .executor(error)
    }
  }

  func deregisterFrames() {}

  /// The segments as they are sent.
  ///
  /// - Parameter writable: whether what is read-only in the end is to be writable yet.
  private func remoteSegments(_ working: WorkingMemory, writable: Bool) -> [RemoteSegment] {
    var sent: [RemoteSegment] = []
    if start != reservation {
      // The executor finds the reservation by the address of the first segment.
      sent.append(
        RemoteSegment(
          protection: .read, address: reservation, byteCount: Int(start.rawValue - reservation.rawValue),
          contents: []))
    }
    for (segment, offset) in zip(segments, layout.offsets) where segment.byteCount > 0 {
      sent.append(
        RemoteSegment(
          protection: writable && segment.protection == .read ? [.read, .write] : segment.protection,
          address: start.advanced(by: UInt64(offset)), byteCount: segment.byteCount,
          contents: working.copy(offset..<offset + segment.contentByteCount)))
    }
    return sent
  }

  /// The actions as the executor needs them.
  ///
  /// It calls what is to be done first, and when a later action fails, what undoes it, and dies if nothing is there. At
  /// its own end it passes over what is not there, when the routine that does nothing may be gone.
  private func completed(_ actions: [AllocationAction]) -> [AllocationAction] {
    let nothing = WrapperCall(function: executor.routines.succeed, arguments: [])
    return actions.enumerated().map { number, action in
      AllocationAction(
        finalize: action.finalize ?? nothing,
        deallocate: action.deallocate ?? (number == actions.count - 1 ? nil : nothing))
    }
  }

  /// Calls the resolvers of indirect functions, stores what they return, and makes read-only what is to be.
  private func resolve(_ functions: [FinalizeWork.IndirectFunction]) throws(ExecutorError) {
    guard !functions.isEmpty else { return }
    let library = executor.library
    let limit = executor.options.answerLimit
    let hardwareCapabilities: UInt64 = 16
    let question = RoutineCall(library.getauxval, [.value(hardwareCapabilities)])
    let capabilities = try executor.call([question], within: limit).values[0]
    let calls = functions.map { RoutineCall($0.resolver, [.value(capabilities)]) }
    let targets = try executor.call(calls, within: executor.options.callLimit).values
    try executor.services.write(
      zip(functions, targets).map { function, target in
        var bytes: [UInt8] = []
        bytes.append(target, order: executor.target.byteOrder)
        return (function.slot, bytes)
      })
    try executor.protect(
      zip(segments, layout.offsets).filter { $0.0.byteCount > 0 && $0.0.protection == .read }.map {
        segment, offset in (start.advanced(by: UInt64(offset)), segment.byteCount, segment.protection)
      })
  }
}
