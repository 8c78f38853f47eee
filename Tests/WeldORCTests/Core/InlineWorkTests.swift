import Testing

@testable import WeldORC

@Suite("Work on the thread that has it")
struct InlineWorkTests {
  @Test("work runs in its order, and what it makes before what follows")
  func order() {
    let inline = InlineWork()
    let log = Shared<[Int]>([])
    inline.run([
      {
        log.change { $0.append(1) }
        inline.run([{ log.change { $0.append(2) } }])
        inline.runLast { log.change { $0.append(5) } }
        log.change { $0.append(3) }
      },
      { log.change { $0.append(4) } },
    ])
    #expect(log.value == [1, 2, 3, 4, 5])
  }

  @Test("who comes first learns whether the thread has something else to do")
  func alone() {
    let inline = InlineWork()
    let log = Shared<[Bool]>([])
    @Sendable func note(isAlone: Bool) { log.change { $0.append(isAlone) } }
    inline.run([], after: note)
    inline.run([{}], after: note)
    // Within other work, but not if that waits and has put off nothing that comes before.
    inline.run([
      {
        inline.run([], after: note)
        inline.runBacklog(until: { false }) { inline.run([], after: note) }
      },
      {},
    ])
    #expect(log.value == [true, false, false, true])
  }

  @Test("work that makes work that makes work does not fill the stack")
  func depth() {
    let inline = InlineWork()
    let count = Shared(0)
    @Sendable func next() {
      count.change { $0 += 1 }
      if count.value < 100_000 { inline.run([next]) }
    }
    inline.run([next])
    #expect(count.value == 100_000)
  }

  @Test("a thread that is about to block does what it has put off, until that is not needed")
  func backlog() {
    let inline = InlineWork()
    let log = Shared<[Int]>([])
    inline.run([
      {
        inline.runBacklog(until: { log.value.contains(2) }, after: { log.change { $0.append(1) } })
        log.change { $0.append(3) }
      },
      { log.change { $0.append(2) } },
      { log.change { $0.append(4) } },
    ])
    #expect(log.value == [1, 2, 3, 4])
  }

  /// The last work of a list waits; what it starts in the meantime ends, which is not the end of the list.
  @Test("what a thread has to do stays its own while others come")
  func threads() throws {
    let inline = InlineWork()
    let log = Shared<[Int]>([])
    inline.run([
      {
        inline.runBacklog(until: { true }, after: { inline.run([{ log.change { $0.append(1) } }]) })
        try? onThread { inline.run([{ inline.runLast { log.change { $0.append(2) } } }]) }
        #expect(log.value == [1, 2])
        inline.runLast { log.change { $0.append(4) } }
        try? onThread { inline.run([{ log.change { $0.append(3) } }]) }
        #expect(log.value == [1, 2, 3])
      }
    ])
    #expect(log.value == [1, 2, 3, 4])
  }
}
