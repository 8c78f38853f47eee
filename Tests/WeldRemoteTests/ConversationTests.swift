import Foundation
import Synchronization
import Testing
import WeldExecutor
import WeldMemory

@testable import WeldRemote

/// Calls in both directions, as a scripted executor sees them.
@Suite("Conversations with an executor", .timeLimit(.minutes(2)))
struct ConversationTests {
  private let function = Address(rawValue: 0x1000)
  private let wrapper = Address(rawValue: 0x9000)

  @Test func `the end is a hang-up`() throws {
    let executor = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(executor)
    #expect(try controller.disconnect() == nil)
    #expect(try controller.disconnect() == nil)
    #expect(executor.waitForEnd())
    #expect(executor.messages.last == Message(kind: .hangup, sequenceNumber: 0, tag: .zero, payload: [0]))
    #expect(throws: ExecutorError.lost(.closed)) { try controller.runAsVoidFunction(function) }
  }

  @Test func `dropping the last reference is the end, too`() throws {
    let executor = ScriptedExecutor()
    _ = try SimpleRemoteEPC(executor).target
    #expect(executor.waitForEnd())
    #expect(executor.messages.last?.kind == .hangup)
  }

  @Test func `the target is what the executor says`() throws {
    let executor = ScriptedExecutor()
    executor.send(executor.setup(triple: "powerpc64le-unknown-linux-gnu", pageSize: 65536))
    let controller = try SimpleRemoteEPC(unready: executor)
    #expect(controller.target.machine == .ppc64)
    #expect(controller.target.byteOrder == .little)
    #expect(controller.target.pageSize == 65536)
    #expect(RemoteMemory(controller).machine == .ppc64)
  }

  @Test func `results may come in any order`() throws {
    let wrapper = wrapper
    let held = Mutex<[Message]>([])
    let executor = ScriptedExecutor { executor, service, call in
      guard service.isEmpty else { return executor.answer(to: service, call) }
      let all = held.withLock {
        $0.append(call)
        return $0
      }
      // The last one first.
      if all.count == 8 { for call in all.reversed() { executor.reply(to: call, call.payload + [99]) } }
      return nil
    }
    let controller = try SimpleRemoteEPC(executor)
    let results = Mutex<[UInt8: [UInt8]]>([:])
    let group = DispatchGroup()
    for byte in 0..<8 as Range<UInt8> {
      group.enter()
      Thread {
        let result = try? controller.callWrapper(wrapper, [byte])
        results.withLock { $0[byte] = result }
        group.leave()
      }.start()
    }
    group.wait()
    #expect(results.withLock { $0 } == Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, [$0, 99]) }))
  }

  @Test func `calls may be awaited`() async throws {
    let executor = ScriptedExecutor { executor, service, call in
      service.isEmpty ? call.payload.reversed() : executor.answer(to: service, call)
    }
    let controller = try SimpleRemoteEPC(executor)
    let wrapper = wrapper
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<100 {
        group.addTask { Int(try await controller.callWrapper(wrapper, [1, UInt8(number)])[0]) }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 4950)
  }

  @Test func `each call has a number of its own`() throws {
    let executor = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(executor)
    for _ in 0..<10 { _ = try controller.runAsVoidFunction(function) }
    let numbers = executor.messages.filter { $0.kind == .call }.map(\.sequenceNumber)
    #expect(numbers == Array(0..<UInt64(numbers.count)))
  }

  @Test func `code in the executor calls handlers by their tags`() throws {
    let tag = Address(rawValue: 0xfeed_0123)
    let answers = Mutex<[Message]>([])
    let executor = ScriptedExecutor { executor, service, call in
      guard service.isEmpty else { return executor.answer(to: service, call) }
      executor.send(Message(kind: .call, sequenceNumber: 0, tag: tag, payload: call.payload))
      executor.send(Message(kind: .call, sequenceNumber: 1, tag: .zero, payload: call.payload))
      // On a thread of its own, as executors do; this one reads the results.
      Thread {
        while executor.messages.count(where: { $0.kind == .result }) < 2 { usleep(1000) }
        answers.withLock { $0 = executor.messages.filter { $0.kind == .result } }
        executor.reply(to: call, [])
      }.start()
      return nil
    }
    let controller = try SimpleRemoteEPC(executor)
    controller.setDispatchHandler(for: tag) { payload in
      // A handler may call in turn.
      let number = (try? controller.runAsVoidFunction(Address(rawValue: 1))) ?? 0
      return payload + [UInt8(number)]
    }
    _ = try controller.callWrapper(wrapper, Array("ping".utf8))
    let found = answers.withLock { $0 }.sorted { $0.sequenceNumber < $1.sequenceNumber }
    #expect(
      found == [
        Message(kind: .result, sequenceNumber: 0, tag: .zero, payload: Array("ping".utf8) + [42]),
        // Nobody has that tag.
        Message(kind: .result, sequenceNumber: 1, tag: .zero, payload: []),
      ])
    controller.setDispatchHandler(for: tag, nil)
  }

  // MARK: - Memory

  private func finalizeRequests(_ executor: ScriptedExecutor) -> [[UInt8]] {
    let tag = executor.services["__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper"]
    // The first is for the routines.
    return executor.messages.filter { $0.kind == .call && $0.tag == tag }.dropFirst().map(\.payload)
  }

  @Test func `a link is sent as one request`() throws {
    let executor = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(executor)
    var allocation = try RemoteMemory(controller).allocate([
      SegmentRequest(protection: [.read, .execute], contentByteCount: 2, byteCount: 2, alignment: 1),
      SegmentRequest(protection: .read, contentByteCount: 0, byteCount: 0, alignment: 1),
      SegmentRequest(protection: [.read, .write], contentByteCount: 1, byteCount: 5000, alignment: 8),
    ])
    #expect(allocation.segments.map(\.address.rawValue) == [0x7000_0000, 0x7000_1000, 0x7000_1000])
    do {
      var bytes = allocation.bytes
      try bytes.store(0x07fe as UInt16, at: 0, order: .big)
      try bytes.store(9 as UInt8, at: 4096, order: .big)
    }
    let finalized = try allocation.finalize(
      FinalizeWork(
        frames: FinalizeWork.Frames(address: Address(rawValue: 0x7000_0004), byteCount: 12),
        actions: [AllocationAction(finalize: nil, deallocate: nil)]))
    let word = ScriptedExecutor.word
    let services = executor.services
    func call(_ function: Address?, _ arguments: [UInt8]) -> [UInt8] {
      word(function?.rawValue ?? 0) + word(UInt64(arguments.count)) + arguments
    }
    let range = word(0x7000_0004) + word(0x7000_0010)
    var expected = word(services["__llvm_orc_SimpleExecutorMemoryManager_Instance"]?.rawValue ?? 0)
    expected += word(2)
    expected += [5] + word(0x7000_0000) + word(2) + word(2) + [0x07, 0xfe]
    expected += [3] + word(0x7000_1000) + word(5000) + word(1) + [9]
    expected += word(2)
    expected += call(services["llvm_orc_registerEHFrameSectionWrapper"], range)
    expected += call(services["llvm_orc_deregisterEHFrameSectionWrapper"], range)
    // What is to be done needs a function; one that does nothing stands in. What undoes the last one does not.
    expected += call(controller.routines.succeed, []) + call(nil, [])
    #expect(finalizeRequests(executor) == [expected])
    _ = finalized.segments
  }

  @Test func `pages are the executor's`() throws {
    let executor = ScriptedExecutor()
    executor.send(executor.setup(pageSize: 65536))
    let controller = try SimpleRemoteEPC(unready: executor)
    let allocation = try RemoteMemory(controller).allocate([
      SegmentRequest(protection: [.read, .execute], contentByteCount: 1, byteCount: 1, alignment: 16),
      SegmentRequest(protection: .read, contentByteCount: 1, byteCount: 65537, alignment: 4096),
      SegmentRequest(protection: [.read, .write], contentByteCount: 0, byteCount: 1, alignment: 1),
    ])
    #expect(allocation.segments.map(\.address.rawValue) == [0x7000_0000, 0x7001_0000, 0x7003_0000])
    let tag = executor.services["__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper"]
    let request = executor.messages.last { $0.kind == .call && $0.tag == tag }
    #expect(request?.payload.suffix(8) == ScriptedExecutor.word(0x4_0000)[...])
  }

  @Test func `a large alignment is made within the reservation`() throws {
    let executor = ScriptedExecutor { executor, service, call in
      service == "__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper"
        ? [1] + ScriptedExecutor.word(0x7000_1000) : executor.answer(to: service, call)
    }
    let controller = try SimpleRemoteEPC(executor)
    let allocation = try RemoteMemory(controller).allocate([
      SegmentRequest(protection: .read, contentByteCount: 0, byteCount: 1, alignment: 1 << 16)
    ])
    #expect(allocation.segments[0].address == Address(rawValue: 0x7001_0000))
    _ = try allocation.finalize(FinalizeWork()).segments
    let payload = try #require(finalizeRequests(executor).first)
    // The first segment begins where the reservation does.
    #expect(Array(payload[8..<25]) == ScriptedExecutor.word(2) + [1] + ScriptedExecutor.word(0x7000_1000))
  }

  @Test func `memory goes back when it is dropped, and not after it failed`() throws {
    func deallocations(_ executor: ScriptedExecutor) -> Int {
      let tag = executor.services["__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper"]
      return executor.messages.count { $0.kind == .call && $0.tag == tag }
    }
    let request = [SegmentRequest(protection: .read, contentByteCount: 1, byteCount: 1, alignment: 1)]
    let good = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(good)
    do {
      let allocation = try RemoteMemory(controller).allocate(request)
      #expect(allocation.segments.count == 1)
    }
    #expect(deallocations(good) == 1)
    do {
      let allocation = try RemoteMemory(controller).allocate(request).finalize(FinalizeWork())
      #expect(allocation.segments.count == 1)
    }
    #expect(deallocations(good) == 2)

    // An executor gives memory back itself if it cannot finalize it.
    let finalizations = Mutex(0)
    let bad = ScriptedExecutor { executor, service, call in
      guard service == "__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper" else {
        return executor.answer(to: service, call)
      }
      let number = finalizations.withLock {
        $0 += 1
        return $0
      }
      return number == 1
        ? [0]
        : [UInt8](sps: {
          $0.append(true)
          $0.append("no")
        })
    }
    let other = try SimpleRemoteEPC(bad)
    #expect(throws: MemoryError.executor(.refused(call: "finalize memory", message: "no"))) {
      let allocation = try RemoteMemory(other).allocate(request)
      _ = try allocation.finalize(FinalizeWork()).segments
    }
    #expect(deallocations(bad) == 0)
  }

  @Test func `a completion may call in turn`() throws {
    let executor = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(executor)
    let isDone = DispatchSemaphore(value: 0)
    let function = function
    controller.callWrapper(wrapper, []) { _ in
      if (try? controller.runAsVoidFunction(function)) == 42 { isDone.signal() }
    }
    #expect(isDone.wait(timeout: .now() + .seconds(20)) == .success)
  }

  @Test func `a read beyond the limit of messages comes in pieces`() throws {
    let routine = Mutex(Address.zero)
    let executor = ScriptedExecutor { executor, service, call in
      guard service.isEmpty, call.tag == routine.withLock({ $0 }) else {
        return executor.answer(to: service, call)
      }
      // The second word is the size of the result, which begins with the value of one call.
      let count = call.payload[8..<16].reduce(0) { $0 << 8 | Int($1) }
      return [UInt8](repeating: 7, count: count)
    }
    executor.send(executor.setup())
    let controller = try SimpleRemoteEPC(unready: executor, messageByteLimit: 5000)
    routine.withLock { $0 = controller.routines.call }
    #expect(try controller.read(20_001, at: function) == [UInt8](repeating: 7, count: 20_001))
    #expect(throws: ExecutorError.refused(call: "read memory", message: "-1 bytes")) {
      try controller.read(-1, at: function)
    }
  }

  @Test func `an end while others call is an end`() throws {
    for _ in 0..<30 {
      let executor = ScriptedExecutor()
      let controller = try SimpleRemoteEPC(executor)
      let function = function
      let group = DispatchGroup()
      let losses = Mutex<[ExecutorError]>([])
      for _ in 0..<6 {
        group.enter()
        Thread {
          do throws(ExecutorError) {
            while true { _ = try controller.runAsVoidFunction(function) }
          } catch {
            losses.withLock { $0.append(error) }
          }
          group.leave()
        }.start()
      }
      usleep(1000)
      try controller.disconnect()
      group.wait()
      #expect(losses.withLock { $0 }.allSatisfy { $0 == .lost(.closed) })
      #expect(executor.waitForEnd())
    }
  }

  @Test func `three hundred executors at once are heard`() throws {
    let executors = (0..<300).map { _ in ScriptedExecutor() }
    let controllers = try executors.map { try SimpleRemoteEPC($0) }
    for controller in controllers { #expect(try controller.runAsVoidFunction(function) == 42) }
  }

  @Test func `nothing needs no memory`() throws {
    let executor = ScriptedExecutor()
    let controller = try SimpleRemoteEPC(executor)
    let before = executor.messages.count
    _ = try RemoteMemory(controller).allocate([]).finalize(FinalizeWork()).segments
    #expect(executor.messages.count == before)
  }
}
