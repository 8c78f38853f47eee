/// What Address Sanitizer's leak checker must not report, asked by its runtime: Foundation loses a few bytes
/// whenever it runs a program or reads an empty file.
///
/// All tests are one executable, so this holds for every test target.
@c(__lsan_default_suppressions)
public func leakSuppressions() -> UnsafePointer<CChar> {
  UnsafeRawPointer(suppressions.utf8Start).assumingMemoryBound(to: CChar.self)
}

private let suppressions: StaticString = "leak:libFoundation"
