import Testing
import Weld

@Suite("ORC core: resource trackers")
struct ResourceTrackerTests {
  /// Keeps how many resources are under each key, and what was done.
  private final class Manager: ResourceManager {
    let resources = Shared<[ResourceKey: Int]>([:])
    let log: Shared<[String]>
    let name: String
    let error: OrcError?

    init(_ name: String = "", log: Shared<[String]> = Shared([]), failing error: OrcError? = nil) {
      self.name = name
      self.log = log
      self.error = error
    }

    func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
      resources.change { $0[key] = nil }
      log.change { $0.append("remove " + name) }
      if let error { throw error }
    }

    func transferResources(from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib) {
      resources.change { resources in
        if let count = resources.removeValue(forKey: source) { resources[destination, default: 0] += count }
      }
      log.change { $0.append("transfer " + name) }
    }

    /// Adds a resource of what is being made.
    func add(_ responsibility: MaterializationResponsibility) throws(OrcError) {
      try responsibility.withResourceKeyDo { key in resources.change { $0[key, default: 0] += 1 } }
    }
  }

  @Test func `what nobody asked for is dropped with its tracker`() throws {
    let fixture = try CoreFixture()
    final class Canary: Sendable {}
    weak var canary: Canary?
    let tracker = try fixture.main.makeTracker()
    do {
      let kept = Canary()
      canary = kept
      try fixture.main.define(
        TestUnit(fixture.flags(["foo", "bar"])) { _ in
          Issue.record("not asked for")
          _ = kept
        }, tracker: tracker)
    }
    try fixture.main.define(absoluteSymbols(fixture.definitions(["baz"])))
    #expect(canary != nil)
    try tracker.remove()
    #expect(canary == nil)
    #expect(tracker.isDefunct)
    #expect(fixture.start(["foo"]).error == .symbolsNotFound(["foo"], searched: ["main"]))
    #expect(fixture.start(["baz"]).names == ["baz"])
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(fixture.start(["foo"]).names == ["foo"])
  }

  @Test(arguments: [false, true])
  func `what is being made fails, and its materializer learns of it`(isResolved: Bool) throws {
    let fixture = try CoreFixture()
    let tracker = try fixture.main.makeTracker()
    let foo = try fixture.materializing(["foo"], tracker: tracker)
    let user = try fixture.materializing(["user"])
    let results = ["foo", "user"].map { fixture.start([$0]) }
    try fixture.emit(user, needing: ["foo"])
    if isResolved { try fixture.resolve(foo) }
    try tracker.remove()
    let defunct = OrcError.resourceTrackerDefunct(dylib: "main")
    #expect(results[0].error == .failedToMaterialize([fixture.symbol("foo")], cause: defunct))
    #expect(results[1].error == .failedToMaterialize([fixture.symbol("user")], cause: defunct))
    #expect(throws: defunct) { try foo.notifyResolved([:]) }
    #expect(throws: defunct) { try foo.notifyEmitted() }
    #expect(throws: defunct) { try foo.defineMaterializing([:]) }
    #expect(throws: defunct) { try foo.replace(with: absoluteSymbols([:])) }
    #expect(throws: defunct) { _ = try foo.delegate([]) }
    #expect(throws: defunct) { try foo.withResourceKeyDo { _ in Issue.record("must not run") } }
    foo.failMaterialization(defunct)
    #expect(fixture.reports.value.isEmpty, "a removal is no error")
    #expect(fixture.start(["foo"]).error == .symbolsNotFound(["foo"], searched: ["main"]))
    #expect(fixture.start(["user"]).error?.firstCause == defunct, "sticky")
  }

  @Test func `what is emitted and waits is removed, too`() throws {
    let fixture = try CoreFixture()
    let tracker = try fixture.main.makeTracker()
    let foo = try fixture.materializing(["foo"], tracker: tracker)
    let bar = try fixture.materializing(["bar"])
    let result = fixture.start(["foo"])
    try fixture.emit(foo, needing: ["bar"])
    try tracker.remove()
    #expect(result.error?.firstCause == .resourceTrackerDefunct(dylib: "main"))
    try fixture.emit(bar)
    #expect(fixture.main.state(of: fixture.name("foo")) == nil)
    #expect(fixture.start(["bar"]).names == ["bar"])
  }

  @Test func `resources of what is ready are released, by those who registered last first`() throws {
    let fixture = try CoreFixture()
    let log = Shared<[String]>([])
    let managers = [Manager("1", log: log), Manager("2", log: log), Manager("3", log: log)]
    for manager in managers { try fixture.session.register(manager) }
    fixture.session.deregister(managers[1])
    let tracker = try fixture.main.makeTracker()
    let foo = try fixture.materializing(["foo"], tracker: tracker)
    try managers[0].add(foo)
    try fixture.emit(foo)
    #expect(managers[0].resources.value == [tracker.key: 1])
    try tracker.remove()
    #expect(managers[0].resources.value.isEmpty)
    #expect(log.value == ["remove 3", "remove 1"])
    #expect(throws: OrcError.resourceTrackerDefunct(dylib: "main")) { try tracker.remove() }
  }

  @Test func `errors of resource managers are thrown when all were asked`() throws {
    let fixture = try CoreFixture()
    let log = Shared<[String]>([])
    let other = OrcError.other(ForeignError("munmap failed"))
    for (name, error) in [("1", brokenCompiler), ("2", nil), ("3", other)] {
      try fixture.session.register(Manager(name, log: log, failing: error))
    }
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(throws: OrcError.several([other, brokenCompiler])) { try fixture.main.defaultTracker.remove() }
    #expect(log.value == ["remove 3", "remove 2", "remove 1"])
    #expect(fixture.main.state(of: fixture.name("foo")) == nil)
  }

  @Test func `the default tracker tracks the rest, and there is another after it was removed`() throws {
    let fixture = try CoreFixture()
    let tracker = try fixture.main.makeTracker()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    try fixture.main.define(absoluteSymbols(fixture.definitions(["bar"])), tracker: tracker)
    let old = fixture.main.defaultTracker
    #expect(old.key == fixture.main.defaultTracker.key)
    try old.remove()
    #expect(old.isDefunct)
    #expect(!fixture.main.defaultTracker.isDefunct)
    #expect(fixture.start(["foo", "bar"], .ready, .weaklyReferenced).names == ["bar"])
    #expect(throws: OrcError.resourceTrackerDefunct(dylib: "main")) {
      try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])), tracker: old)
    }
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    try fixture.main.clear()
    #expect(tracker.isDefunct)
    #expect(fixture.start(["foo", "bar"], .ready, .weaklyReferenced).names == [])
  }

  @Test func `transfer moves what is waiting, being made and ready`() throws {
    let fixture = try CoreFixture()
    let manager = Manager()
    try fixture.session.register(manager)
    let (source, destination) = (try fixture.main.makeTracker(), try fixture.main.makeTracker())
    try fixture.main.define(absoluteSymbols(fixture.definitions(["waiting"])), tracker: source)
    let made = try fixture.materializing(["made"], tracker: source)
    let ready = try fixture.materializing(["ready"], tracker: source)
    try manager.add(ready)
    try fixture.emit(ready)
    try source.transfer(to: destination)
    #expect(source.isDefunct)
    #expect(manager.resources.value == [destination.key: 1])
    try manager.add(made)
    #expect(manager.resources.value == [destination.key: 2])
    try fixture.emit(made)
    #expect(fixture.start(["waiting", "made", "ready"]).names?.count == 3)
    #expect(throws: OrcError.resourceTrackerDefunct(dylib: "main")) { try source.transfer(to: destination) }
    let other = try fixture.session.createDylib("other")
    #expect(throws: OrcError.anotherDylib(tracker: "main", dylib: "other")) {
      try destination.transfer(to: other.defaultTracker)
    }
    try destination.remove()
    #expect(manager.resources.value.isEmpty)
    #expect(fixture.start(["waiting", "made", "ready"], .ready, .weaklyReferenced).names == [])
  }

  @Test func `a tracker that is forgotten leaves what it tracked to the default tracker, and back`() throws {
    let fixture = try CoreFixture()
    let manager = Manager()
    try fixture.session.register(manager)
    let foo = try fixture.materializing(["foo"], tracker: try fixture.main.makeTracker())
    try manager.add(foo)
    try fixture.emit(foo)
    #expect(manager.resources.value == [fixture.main.defaultTracker.key: 1])
    #expect(fixture.start(["foo"]).names == ["foo"])
    let tracker = try fixture.main.makeTracker()
    try fixture.main.defaultTracker.transfer(to: tracker)
    #expect(manager.resources.value == [tracker.key: 1])
    try tracker.remove()
    #expect(fixture.main.state(of: fixture.name("foo")) == nil)
  }

  @Test func `resources that are being added when their tracker is removed are released after that`() throws {
    let fixture = try CoreFixture()
    let manager = Manager()
    try fixture.session.register(manager)
    let (source, destination) = (try fixture.main.makeTracker(), try fixture.main.makeTracker())
    let foo = try fixture.materializing(["foo"], tracker: source)
    try foo.withResourceKeyDo { key in
      #expect(throws: Never.self) {
        try source.transfer(to: destination)
        try destination.remove()
      }
      #expect(manager.log.value.isEmpty)
      manager.resources.change { $0[key] = 1 }
    }
    #expect(manager.log.value == ["transfer ", "remove "])
    #expect(manager.resources.value.isEmpty)
  }

  @Test func `what failed can be defined again when its tracker was removed`() throws {
    let fixture = try CoreFixture()
    let tracker = try fixture.main.makeTracker()
    let foo = try fixture.materializing(["foo"], tracker: tracker)
    foo.failMaterialization(brokenCompiler)
    #expect(fixture.start(["foo"]).error?.firstCause == brokenCompiler)
    #expect(throws: OrcError.duplicateDefinition([fixture.symbol("foo")])) {
      try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    }
    try tracker.remove()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(fixture.start(["foo"]).names == ["foo"])
  }

  @Test func `what is added while the session ends is released`() throws {
    let fixture = try CoreFixture()
    let manager = Manager()
    try fixture.session.register(manager)
    let responsibility = try fixture.materializing(["symbol"])
    try responsibility.withResourceKeyDo { key in
      manager.resources.change { $0[key] = 1 }
      #expect(throws: Never.self) { try fixture.session.endSession() }
      #expect(manager.resources.value.count == 1)
    }
    #expect(manager.resources.value.isEmpty)
  }
}
