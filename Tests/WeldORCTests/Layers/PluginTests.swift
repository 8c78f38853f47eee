import Testing
import Weld

@Suite("ObjectLinkingLayer.Plugin")
struct PluginTests {
  typealias Configure = @Sendable (LinkGraph, inout PassConfiguration, MaterializationResponsibility) -> Void

  /// Notes what it is told, and adds the passes of a test.
  private final class Plugin: ObjectLinkingLayer.Plugin {
    let events = Shared<[String]>([])
    let emission: OrcError?
    /// Of the objects that define this name; of all if there is none.
    let definition: String?
    let configure: Configure

    init(
      failingEmission emission: OrcError? = nil, ofDefiner definition: String? = nil,
      _ configure: @escaping Configure = { _, _, _ in }
    ) {
      self.emission = emission
      self.definition = definition
      self.configure = configure
    }

    func note(_ event: String) { events.change { $0.append(event) } }

    func modifyPassConfiguration(
      _ responsibility: MaterializationResponsibility, _ graph: LinkGraph,
      _ configuration: inout PassConfiguration
    ) {
      note("configure \(graph.name)")
      configure(graph, &configuration, responsibility)
    }
    func notifyLoaded(_ responsibility: MaterializationResponsibility) { note("loaded") }
    func notifyEmitted(_ responsibility: MaterializationResponsibility) throws(OrcError) {
      note("emitted")
      let names = responsibility.symbols.keys.map(\.text)
      if let emission, definition.map(names.contains) ?? true { throw emission }
    }
    func notifyFailed(_ responsibility: MaterializationResponsibility, _ error: OrcError) {
      note("failed: \(error)")
    }
    func notifyRemovingResources(_ dylib: JITDylib, _ key: ResourceKey) throws(OrcError) {
      note("removing from \(dylib.name)")
    }
    func notifyTransferringResources(_ dylib: JITDylib, to destination: ResourceKey, from source: ResourceKey)
    {
      note("transferring in \(dylib.name)")
    }
  }

  private struct Refusal: Error, CustomStringConvertible {
    var description: String { "refused" }
  }

  private func jit(_ plugins: Plugin...) throws -> (LLJIT, ObjectLinkingLayer) {
    var builder = LLJIT.Builder()
    builder.objectLinkingLayer = { session throws(OrcError) in try ObjectLinkingLayer(session) }
    let jit = try builder.build()
    let layer = try #require(jit.objectLinkingLayer as? ObjectLinkingLayer)
    for plugin in plugins { layer.addPlugin(plugin) }
    return (jit, layer)
  }

  private static let two = "int twice(int n) { return n * 2; } int f(void) { return twice(21); }"
  private static let options = ["-fPIC", "-fno-inline", "-ffunction-sections"]

  @Test func `phases come in their order, and addresses in theirs`() throws {
    let plugin = Plugin { _, configuration, _ in }
    let ordered = Plugin { [plugin] graph, configuration, _ in
      let f = { (graph: LinkGraph) in graph.symbol(named: "f") }
      let outside = { (graph: LinkGraph) in graph.symbol(named: "outside") }
      configuration.prePrune.append { graph in
        plugin.note("prePrune \(f(graph)?.address == nil) \(graph.symbol(named: "unused") != nil)")
      }
      configuration.postPrune.append { _ in plugin.note("postPrune") }
      configuration.postAllocation.append { graph in
        plugin.note("postAllocation \(f(graph)?.address != nil) \(outside(graph)?.address != nil)")
      }
      configuration.preFixup.append { graph in
        plugin.note("preFixup \(outside(graph)?.address != nil) \(outside(graph)?.isExternal == true)")
      }
      configuration.postFixup.append { graph in
        let block = f(graph)?.block
        plugin.note("postFixup \(block?.address != nil) \(block?.contents.isEmpty == false)")
      }
    }
    let (jit, layer) = try jit(plugin, ordered)
    try jit.addObject(
      Compiler.object("f.o", "int outside(void); int f(void) { return outside() + 1; }", Self.options))
    try jit.addObject(Compiler.object("g.o", "int outside(void) { return 4; }"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 5)
    let events = plugin.events.value
    #expect(events.contains("postAllocation true false"))
    let phases = ["prePrune", "postPrune", "postAllocation", "loaded", "preFixup", "postFixup", "emitted"]
    let first = phases.map { phase in events.firstIndex { $0.hasPrefix(phase) } ?? -1 }
    #expect(first.allSatisfy { $0 >= 0 } && first == first.sorted(), "\(events)")
    #expect(events.contains("preFixup true true"))
    #expect(events.contains("postFixup true true"))
    layer.removePlugin(plugin)
    layer.removePlugin(ordered)
    let count = plugin.events.value.count
    try jit.addObject(Compiler.object("h.o", "int h(void) { return 4; }"))
    #expect(try jit.lookup("h", as: IntFunction.self)() == 4)
    #expect(plugin.events.value.count == count)
  }

  @Test func `a pass renames a symbol, and another redirects a call`() throws {
    let renaming = Plugin { graph, configuration, responsibility in
      configuration.prePrune.append { graph in
        guard let symbol = graph.symbol(named: "thrice") else { return }
        for block in graph.blocks {
          for (position, edge) in block.edges.enumerated() where edge.target.name == "twice" {
            var edge = edge
            edge.target = symbol
            try block.replaceEdge(at: position, with: edge)
          }
        }
      }
    }
    let (jit, _) = try jit(renaming)
    try jit.addObject(
      Compiler.object("f.o", "int thrice(int n) { return n * 3; } " + Self.two, Self.options))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 63)
    let twice = try jit.lookup("twice", as: (@convention(c) (Int32) -> Int32).self)
    #expect(twice(2) == 4)
  }

  @Test func `what a pass refers to is looked up, and makes other objects be linked`() throws {
    let plugin = Plugin { graph, configuration, _ in
      guard graph.name == "f.o" else { return }
      configuration.postPrune.append { graph in
        let inner = try #require(graph.symbol(named: "inner"))
        let outer = graph.addExternalSymbol("outer")
        for block in graph.blocks where block.section.protection.contains(.execute) {
          for (position, edge) in block.edges.enumerated() where edge.target.block === inner.block {
            var edge = edge
            edge.target = outer
            try block.replaceEdge(at: position, with: edge)
          }
        }
      }
    }
    let (jit, _) = try jit(plugin)
    try jit.addObject(
      Compiler.object(
        "f.o", "static int inner(void) { return 1; } int f(void) { return inner(); }", Self.options))
    try jit.addObject(Compiler.object("outer.o", "int outer(void) { return 2; }"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
  }

  @Test func `a weak definition becomes external, and that of another object is used`() throws {
    let plugin = Plugin { graph, configuration, responsibility in
      guard graph.name == "f.o" else { return }
      configuration.prePrune.append { graph in
        try graph.makeExternal(#require(graph.symbol(named: "which")))
      }
    }
    let (jit, _) = try jit(plugin)
    let weak = "__attribute__((weak)) int which(void) { return 1; } "
    try jit.addObject(Compiler.object("strong.o", "int which(void) { return 2; }"))
    try jit.addObject(Compiler.object("f.o", weak + "int f(void) { return which(); }", Self.options))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
  }

  @Test func `a definition that is owed and taken away is an error, and not waited for`() throws {
    let plugin = Plugin { graph, configuration, _ in
      configuration.postPrune.append { graph in
        try graph.makeExternal(#require(graph.symbol(named: "twice")))
      }
    }
    let (jit, _) = try jit(plugin)
    try jit.addObject(Compiler.object("f.o", Self.two, Self.options))
    let error = #expect(throws: OrcError.self) { try jit.lookup("f") }
    #expect(error?.firstCause == .missingDefinitions([.init(name: "twice", dylib: "main")]))
  }

  @Test func `a block that is split after the fixups shows its part`() throws {
    let plugin = Plugin()
    let splitting = Plugin { [plugin] graph, configuration, _ in
      configuration.postFixup.append { graph in
        let block = try #require(graph.symbol(named: "data")?.block)
        _ = try graph.splitBlock(block, at: 8)
        plugin.note("\(block.contents)")
      }
    }
    let (jit, _) = try jit(splitting)
    try jit.addObject(Compiler.object("f.o", "int data[4] = {1, 2, 3, 4};"))
    _ = try jit.lookup("data")
    #expect(plugin.events.value == ["[1, 0, 0, 0, 2, 0, 0, 0]"])
  }

  @Test func `a definition that was added must be claimed`() throws {
    for claims in [false, true] {
      let plugin = Plugin { graph, configuration, responsibility in
        guard graph.name == "f.o" else { return }
        configuration.prePrune.append { graph in
          let name = responsibility.dylib.session.intern("answer")
          if claims { try responsibility.defineMaterializing([name: [.exported]]) }
          let section = graph.createSection(".data.answer", flags: [.alloc, .write])
          let block = try graph.createContentBlock(in: section, [42, 0, 0, 0], alignment: 4)
          _ = try graph.addDefinedSymbol("answer", in: block, size: 4, isLive: true)
        }
      }
      let (jit, _) = try jit(plugin)
      try jit.addObject(Compiler.object("f.o", "int f(void) { return 7; }"))
      guard claims else {
        let error = #expect(throws: OrcError.self) { try jit.lookup("f") }
        #expect(error?.firstCause == .unexpectedDefinitions([.init(name: "answer", dylib: "main")]))
        continue
      }
      #expect(try jit.lookup("f", as: IntFunction.self)() == 7)
      try jit.addObject(Compiler.object("g.o", "extern int answer; int g(void) { return answer; }"))
      #expect(try jit.lookup("g", as: IntFunction.self)() == 42)
    }
  }

  @Test func `contents change after allocation, and after the fixups`() throws {
    // mov $1, %eax; ret
    let source = "int f(void) { return 1; } int g(void) { return 1; } int h(void) { return 1; }"
    @Sendable func patch(_ name: String, _ value: UInt8) -> PassConfiguration.Pass {
      { graph in
        let symbol = try #require(graph.symbol(named: name))
        let block = try #require(symbol.block)
        let at = try #require(block.contents[Int(symbol.offset)...].firstIndex(of: 0xb8))
        try block.store([value], at: at + 1)
      }
    }
    let plugin = Plugin { _, configuration, _ in
      configuration.postAllocation.append(patch("f", 2))
      configuration.preFixup.append(patch("g", 3))
      configuration.postFixup.append(patch("h", 4))
    }
    let (jit, _) = try jit(plugin)
    try jit.addObject(Compiler.object("f.o", source, Self.options))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
    #expect(try jit.lookup("g", as: IntFunction.self)() == 3)
    #expect(try jit.lookup("h", as: IntFunction.self)() == 4)
  }

  @Test func `an edge is redirected before the fixups, and an unplanned slot is an error`() throws {
    let redirecting = Plugin { _, configuration, _ in
      configuration.preFixup.append { graph in
        let thrice = try #require(graph.symbol(named: "thrice"))
        for block in graph.blocks {
          for (position, edge) in block.edges.enumerated() where edge.target.name == "twice" {
            var edge = edge
            edge.target = thrice
            try block.replaceEdge(at: position, with: edge)
          }
        }
      }
    }
    let source = "int thrice(int n) { return n * 3; } " + Self.two
    let (jit, _) = try jit(redirecting)
    try jit.addObject(Compiler.object("f.o", source, Self.options))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 63)

    func error(_ change: @escaping @Sendable (LinkGraph) throws -> Void) throws -> OrcError? {
      let (jit, _) = try self.jit(
        Plugin { _, configuration, _ in configuration.postAllocation.append(change) })
      try jit.addObject(Compiler.object("f.o", source, Self.options))
      return #expect(throws: OrcError.self) { try jit.lookup("f") }?.firstCause
    }
    let slot = try error { graph in
      let f = try #require(graph.symbol(named: "f"))
      // R_X86_64_GOTPCREL
      try f.block?.addEdge(.init(.relocation(9), at: 0, to: f))
    }
    #expect(slot == .link(.graph(.unplannedNeeds(file: "f.o"))))
    let shape = try error { graph in _ = graph.addExternalSymbol("late") }
    #expect(shape == .link(.graph(.shapeChanged(file: "f.o"))))
    let unknown = try error { graph in
      let f = try #require(graph.symbol(named: "f"))
      try f.block?.addEdge(.init(.relocation(200), at: 0, to: f))
    }
    guard case .link(.relocation(.unknownType(200), _))? = unknown else {
      Issue.record("another error: \(String(describing: unknown))")
      return
    }
  }

  @Test func `what nothing needs is pruned, with its frame descriptions`() throws {
    let sizes = Shared<[Int]>([])
    let names = Shared<[String]>([])
    let plugin = Plugin { _, configuration, _ in
      let note: PassConfiguration.Pass = { graph in
        sizes.change { $0.append(graph.section(named: ".eh_frame")?.blocks[0].contents.count ?? 0) }
      }
      configuration.prePrune.append(note)
      configuration.postPrune.append(note)
      configuration.postPrune.append { graph in
        names.change { $0 = graph.definedSymbols.map(\.name).filter { !$0.isEmpty } }
      }
    }
    let (jit, _) = try jit(plugin)
    try jit.loadDynamicLibrary("libstdc++.so.6")
    let source = """
      int missing(); static int (*volatile keep)();
      __attribute__((noinline, used)) static int dead() { return missing(); }
      __attribute__((noinline)) static int thrower(int n) { if (n > 3) throw n; return n; }
      extern "C" int f() { try { return thrower(7); } catch (int n) { return n + 1; } }
      """
    try jit.addObject(
      Compiler.object(
        "f.o", source, ["-fPIC", "-ffunction-sections", "-fno-toplevel-reorder"], language: "c++"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 8)
    #expect(sizes.value.count == 2 && sizes.value[1] < sizes.value[0], "\(sizes.value)")
    #expect(!names.value.contains { $0.contains("dead") } && names.value.contains("f"))
  }

  @Test func `a pass that throws fails its object, and what depends on it`() throws {
    for phase in 0..<5 {
      let plugin = Plugin { graph, configuration, _ in
        guard graph.name == "bad.o" else { return }
        let pass: PassConfiguration.Pass = { _ in throw Refusal() }
        switch phase {
        case 0: configuration.prePrune.append(pass)
        case 1: configuration.postPrune.append(pass)
        case 2: configuration.postAllocation.append(pass)
        case 3: configuration.preFixup.append(pass)
        default: configuration.postFixup.append(pass)
        }
      }
      let (jit, _) = try jit(plugin)
      try jit.addObject(Compiler.object("bad.o", "int bad(void) { return 1; }"))
      try jit.addObject(Compiler.object("user.o", "int bad(void); int user(void) { return bad(); }"))
      try jit.addObject(Compiler.object("good.o", "int good(void) { return 3; }"))
      let error = #expect(throws: OrcError.self) { try jit.lookup("user") }
      #expect(error?.firstCause == OrcError(Refusal()), "phase \(phase)")
      #expect(plugin.events.value.contains("failed: refused"), "\(plugin.events.value)")
      #expect(try jit.lookup("good", as: IntFunction.self)() == 3)
    }
  }

  @Test func `plugins can fail an emission, and learn of removals and transfers`() throws {
    let failing = Plugin(failingEmission: OrcError(Refusal()))
    let (jit, _) = try jit(failing)
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 1; }"))
    let error = #expect(throws: OrcError.self) { try jit.lookup("f") }
    #expect(error?.firstCause == OrcError(Refusal()))
    #expect(failing.events.value.suffix(2) == ["emitted", "failed: refused"])

    let plugin = Plugin()
    let (other, _) = try self.jit(plugin)
    let first = try other.mainDylib.makeTracker()
    let second = try other.mainDylib.makeTracker()
    try other.addObject(Compiler.object("f.o", "int f(void) { return 1; }"), tracker: first)
    #expect(try other.lookup("f", as: IntFunction.self)() == 1)
    try first.transfer(to: second)
    try second.remove()
    #expect(
      plugin.events.value.suffix(5) == [
        "configure f.o", "loaded", "emitted", "transferring in main", "removing from main",
      ])
  }

  @Test func `what needs an object whose emission a plugin fails, fails`() throws {
    for order in [["a", "b"], ["b", "a"]] {
      let (jit, _) = try jit(Plugin(failingEmission: OrcError(Refusal()), ofDefiner: "a"))
      let sources = ["a": "int a(void) { return 1; }", "b": "int a(void); int b(void) { return a(); }"]
      for name in order { try jit.addObject(Compiler.object("\(name).o", sources[name] ?? "")) }
      let error = #expect(throws: OrcError.self) { try jit.lookup("b") }
      #expect(error?.firstCause == OrcError(Refusal()))
    }
  }

  @Test func `objects with the same inline functions, variables and frames are linked together`() throws {
    let plugin = Plugin { _, configuration, _ in configuration.postFixup.append { _ in } }
    let (jit, _) = try jit(plugin)
    try jit.loadDynamicLibrary("libstdc++.so.6")
    let shared = """
      #include <stdexcept>
      #include <string>
      template <int N> __attribute__((noinline)) int count() { static int n = N; return ++n; }
      inline int check(int n) { if (n > 2) throw std::runtime_error("too many"); return n; }
      """
    let options = ["-fPIC", "-ffunction-sections", "-g"]
    let other = shared + "\nint other() { return check(count<0>()); }"
    let main =
      shared + """

        int other();
        extern "C" int f() {
          int n = count<0>() + other();
          try { return check(count<0>()); } catch (std::exception &e) { return n * 10 + std::string(e.what()).size(); }
        }
        """
    try jit.addObject(Compiler.object("other.o", other, options, language: "c++"))
    try jit.addObject(Compiler.object("main.o", main, options, language: "c++"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 38)
    #expect(plugin.events.value.count { $0 == "emitted" } == 2)
  }

  @Test func `initializers are kept`() throws {
    let plugin = Plugin { _, configuration, _ in configuration.postFixup.append { _ in } }
    let (jit, _) = try jit(plugin)
    try jit.addObject(
      Compiler.object(
        "f.o",
        "static int n; __attribute__((constructor)) static void set(void) { n = 5; } int f(void) { return n; }",
        Self.options))
    let kept = Shared<Bool>(false)
    (jit.objectLinkingLayer as? ObjectLinkingLayer)?.addPlugin(
      Plugin { _, configuration, _ in
        configuration.postPrune.append { graph in
          kept.value = graph.section(named: ".init_array")?.blocks.isEmpty == false
        }
      })
    _ = try jit.lookup("f")
    #expect(kept.value)
  }

  @Test func `graphs are shown as text`() throws {
    let shown = Shared<[String]>([])
    let dumper = GraphDumper(in: [.prePrune, .postAllocation]) { phase, text in
      shown.change { $0.append("\(phase): \(text)") }
    }
    let (jit, layer) = try jit()
    layer.addPlugin(dumper)
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 1; }", Self.options))
    let address = try jit.lookup("f").address
    try #require(shown.value.count == 2)
    #expect(shown.value[0].hasPrefix("prePrune: graph f.o (x86_64)\n"))
    #expect(shown.value[0].contains("'f', ") && !shown.value[0].contains("block at"))
    #expect(shown.value[1].contains("block at \(address):"))
  }

  @Test func `a graph is added as an object`() throws {
    let (jit, layer) = try jit()
    let graph = LinkGraph(name: "made", machine: .x86_64, byteOrder: .little)
    let text = graph.createSection(".text", flags: [.alloc, .executable])
    let code = try graph.createContentBlock(in: text, [0xb8, 9, 0, 0, 0, 0xc3], alignment: 16)
    _ = try graph.addDefinedSymbol("nine", in: code, size: 6, isCallable: true)
    try layer.add(graph, to: jit.mainDylib)
    #expect(try jit.lookup("nine", as: IntFunction.self)() == 9)
  }

  @Test func `what needs an object that is refused when it is emitted fails with it`() throws {
    final class Refusing: ObjectLinkingLayer.Plugin {
      func notifyEmitted(_ responsibility: MaterializationResponsibility) throws(OrcError) {
        if responsibility.symbols.keys.contains(where: { $0.text == "callee" }) { throw .sessionClosed }
      }
    }
    let (jit, layer) = try jit()
    layer.addPlugin(Refusing())
    try jit.addObject(
      Compiler.object("user.o", "int callee(void); int user(void) { return callee(); }"))
    try jit.addObject(Compiler.object("callee.o", "int callee(void) { return 1; }"))
    let error = orcError { _ = try jit.lookup("user") }
    #expect(error?.firstCause == .sessionClosed)
  }
}
