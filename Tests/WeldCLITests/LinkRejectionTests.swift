import Foundation
import Testing

@Suite("weld link: what cannot be linked or written")
struct LinkRejectionTests {
  /// Links with the image going to `folder`, and expects one line of error.
  private func errors(_ arguments: [String], folder: String = "image", in scratch: Scratch) throws -> String {
    let objects = arguments.map { $0.hasSuffix(".o") ? Command.objects.appending(path: $0).path : $0 }
    let outcome = try Command.weld(["link", "--output-image", folder] + objects, in: scratch.folder)
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    // As tests and people call the file.
    return outcome.errors.replacing(Command.objects.path + "/", with: "")
  }

  /// What is in a folder, hidden files included.
  private func files(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  static let inputs: [(arguments: [String], message: String)] = [
    (["no_such_file.o"], "no_such_file.o: cannot be read: No such file or directory"),
    (["reject/i386.o"], "reject/i386.o: ELF class 1 for i386"),
    (["--target", "s390x-linux-gnu", "sieve.o"], "sieve.o: an object for x86_64; expected s390x"),
    (["--entry", "nowhere", "--phantom-externals", "sieve.o"], "'nowhere' is not defined by any"),
    (["--library", "libnone.so", "sieve.o"], "libnone.so: the library cannot be loaded: "),
  ]

  @Test(arguments: inputs)
  func `an input that cannot be linked is one line of error and nothing written`(
    arguments: [String], message: String
  ) throws {
    let scratch = try Scratch()
    #expect(try errors(arguments, in: scratch).hasPrefix("weld: error: \(message)"))
    #expect(try files(in: scratch.folder) == [])
  }

  @Test func `two definitions name both objects`() throws {
    let scratch = try Scratch()
    let text = try errors(["reject/duplicate_a.o", "reject/duplicate_b.o"], in: scratch)
    #expect(text.hasPrefix("weld: error: reject/duplicate_b.o: '"))
    #expect(text.contains("is already defined in reject/duplicate_a.o"))
  }

  @Test(arguments: [
    ["--section-address", "sieve.o,.text"], ["--section-address", ".text=0x1000"],
    ["--section-address", "sieve.o,.text=1000h"], ["--section-address", "sieve.o,=1"],
    ["--section-address", "a=1,b"], ["--base-address", "0x"], ["--base-address", "-1"],
    ["--base-address", "0x1_0000"], ["--base-address", "18446744073709551616"], ["--absolute", "x"],
    ["--absolute", "x=+1"], ["--alias", "=y"], ["--page-size", "3"], ["--page-size", "0"],
    ["--slab-size", "0"], ["--slab-size", "0x8000000000000000"], ["--bogus"],
    ["--target", "vax"], ["--target", "aarch64-linux-gnu"], ["--target", "powerpc64-linux-gnu"],
  ])
  func `a wrong option is one line of error`(arguments: [String]) throws {
    let scratch = try Scratch()
    #expect(try errors(arguments + ["sieve.o"], in: scratch).hasPrefix("weld: error: "))
  }

  @Test func `a target that is not linked says so`() throws {
    let scratch = try Scratch()
    #expect(
      try errors(["--target", "aarch64-linux-gnu", "sieve.o"], in: scratch)
        .contains("Weld does not link aarch64; expected x86_64"))
    #expect(
      try errors(["--target", "vax", "sieve.o"], in: scratch).contains("no architecture is called 'vax'"))
  }

  @Test(arguments: [["link"], ["link", "sieve.o"], ["link", "--output-image", "image"]])
  func `something to link and somewhere to write it are needed`(arguments: [String]) throws {
    let outcome = try Command.weld(arguments)
    #expect(outcome.status == 2)
    #expect(outcome.errors.hasPrefix("weld: error: "))
  }

  @Test func `a section that no file has cannot be placed`() throws {
    let scratch = try Scratch()
    let text = try errors(
      ["--section-address", "sieve.o,.none=0x1000", "--phantom-externals", "sieve.o"], in: scratch)
    #expect(text.contains(".none"))
  }

  // MARK: - Outputs

  @Test func `a folder that cannot be made is an error`() throws {
    let scratch = try Scratch()
    let arguments = ["--phantom-externals", "sieve.o"]
    #expect(
      try errors(arguments, folder: "none/image", in: scratch)
        == "weld: error: none/image: cannot be written: No such file or directory\n")
    _ = try scratch.write("text", to: "file")
    #expect(try errors(arguments, folder: "file", in: scratch).hasPrefix("weld: error: file: is a file; "))
    #expect(
      try errors(arguments, folder: "file/image", in: scratch)
        == "weld: error: file/image: cannot be written: Not a directory\n")
    #expect(try files(in: scratch.folder) == ["file"])
  }

  @Test func `an earlier image is replaced, other things are not`() throws {
    let scratch = try Scratch()
    let image = scratch.folder.appending(path: "image")
    try FileManager.default.createDirectory(at: image, withIntermediateDirectories: false)
    let sieve = Command.objects.appending(path: "sieve.o").path
    let arguments = ["link", "--phantom-externals", "--output-image", "image/", sieve]
    // An empty folder, then an image with a file that the new one does not have.
    #expect(try Command.weld(arguments, in: scratch.folder).status == 0)
    let first = try files(in: image)
    #expect(first.contains("map.json"))
    _ = try scratch.write("old", to: "image/99999.bin")
    #expect(try Command.weld(arguments, in: scratch.folder).status == 0)
    #expect(try files(in: image) == first)
    // A link that fails leaves the image as it is.
    _ = try errors(["no_such_file.o"], in: scratch)
    #expect(try files(in: image) == first)

    _ = try scratch.write("mine", to: "image/notes.txt")
    #expect(
      try errors(["--phantom-externals", "sieve.o"], in: scratch).hasPrefix("weld: error: image: the folder"))
    #expect(try files(in: image) == (first + ["notes.txt"]).sorted())
    #expect(try files(in: scratch.folder) == ["image"])
  }

  @Test func `if one output cannot be written, the other is not either`() throws {
    let scratch = try Scratch()
    let text = try errors(["--phantom-externals", "--output-elf", "none/program", "sieve.o"], in: scratch)
    #expect(text == "weld: error: none/program: cannot be written: No such file or directory\n")
    #expect(try files(in: scratch.folder) == [])
    _ = try errors(["--phantom-externals", "--output-elf", "image", "sieve.o"], in: scratch)
    #expect(try files(in: scratch.folder) == [])
  }

  @Test func `an executable cannot hold sections that overlap`() throws {
    let scratch = try Scratch()
    let text = try errors(
      [
        "--phantom-externals", "--output-elf", "program", "--section-address",
        "sieve.o,.text.startup=0x600000", "--section-address", "sieve.o,.eh_frame=0x600010", "sieve.o",
      ], in: scratch)
    #expect(
      text.hasPrefix("weld: error: program: section '.text.startup' of 414 bytes at 0x600000 and section '"))
    #expect(try files(in: scratch.folder) == [])
  }

  @Test func `a device is not replaced by an executable`() throws {
    let scratch = try Scratch()
    let text = try errors(["--phantom-externals", "--output-elf", "/dev/null", "sieve.o"], in: scratch)
    #expect(text.hasPrefix("weld: error: /dev/null: is not a regular file"))
  }
}
