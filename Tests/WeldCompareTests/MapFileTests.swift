import Testing

@testable import WeldCompare

@Suite("Map files of static linkers")
struct MapFileTests {
  private func entries(_ entries: [SectionPlaces.Entry]) -> [String] {
    entries.map { "\($0.file) \($0.section) \(String($0.address, radix: 16)) \($0.byteCount)" }
  }

  @Test func `lld: a line for each section`() {
    let map = """
                   VMA              LMA     Size Align Out     In      Symbol
              10000190         10000190       10     8 .text
              10000190         10000190       10     8         0.o:(.text.f)
              10000190         10000190        0     1                 f
              100001a0         100001a0       18     8         <internal>:(.iplt)
                     0                0        3     1         0.o:(.comment)
      """
    #expect(entries(SectionPlaces.readLLD(Array(map.utf8))) == ["0.o .text.f 10000190 16"])
  }

  @Test func `GNU ld: long names are on lines of their own`() {
    let map = """
      .text           0x0000000010000120      0x5a0
       *(.text.unlikely .text.*_unlikely .text.unlikely.*)
       .text          0x0000000010000120       0x40 0.o
       .text.a_long_name
                      0x0000000010000160       0x20 12.o
                      0x0000000010000160                f
       *fill*         0x0000000010000180        0x8
       .group         0x0000000000000000        0xc 0.o
      """
    #expect(
      entries(SectionPlaces.readGNU(Array(map.utf8))) == [
        "0.o .text 10000120 64", "12.o .text.a_long_name 10000160 32",
      ])
  }
}
