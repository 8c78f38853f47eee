import Foundation
import Testing
import Weld

@Suite("A small language")
struct KaleidoscopeTests {
  @Test func `functions call each other, themselves and the C library`() throws {
    let language = try KaleidoscopeJIT()
    let values = try language.run(
      """
      extern cos(x)
      def fib(n) if n < 2 then n else fib(n - 1) + fib(n - 2)
      def twice(x) x * 2
      fib(20) + cos(0)
      twice(fib(10)) / 5
      """)
    #expect(values == [6766, 22])
  }

  @Test func `a function is compiled when it is first called`() throws {
    let language = try KaleidoscopeJIT()
    let values = try language.run(
      """
      def used(x) x + 1
      def unused(x) nonsense(x)
      def choose(x) if x < 1 then used(x) else unused(x)
      choose(0)
      """)
    #expect(values == [1])
    #expect(Set(language.compiler.compiled.value) == ["expression", "choose.1", "used.1"])
  }

  @Test func `a function is defined again while the program runs`() throws {
    let language = try KaleidoscopeJIT()
    _ = try language.run("def step(x) x + 1; def run(x) step(x); run(1)")
    let run = try language.jit.lookup("run", as: (@convention(c) (Double) -> Double).self)
    let results = Shared<Set<Double>>([])
    let isOver = Shared(false)
    let hasStarted = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      hasStarted.signal()
      while !isOver.value {
        let result = run(1)
        results.change { $0.insert(result) }
      }
      done.signal()
    }
    hasStarted.wait()
    usleep(10_000)
    #expect(try language.run("def step(x) x + 10; run(1)") == [11])
    usleep(10_000)
    isOver.value = true
    try #require(done.wait(timeout: .now() + 30) == .success)
    #expect(results.value == [2, 11])
  }

  @Test func `what is wrong is said, and the rest goes on`() throws {
    let language = try KaleidoscopeJIT()
    #expect(throws: Kaleidoscope.SyntaxError.self) { try language.run("def f(x") }
    let error = #expect(throws: OrcError.self) { try language.run("1 + missing(2)") }
    guard case .symbolsNotFound(["missing"], _)? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(throws: OrcError.self) { try language.run("y + 1") }
    #expect(try language.run("2 * (3 + 4)") == [14])
  }
}
