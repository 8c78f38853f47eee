/// Writes JSON as it comes: an image has as many relocations as would keep an encoder busy for seconds.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  /// Whether what comes next needs no comma before it.
  private var isFirst = true

  mutating func beginObject() { begin("{") }
  mutating func endObject() { end("}") }
  mutating func beginArray() { begin("[") }
  mutating func endArray() { end("]") }

  /// Begins the next member of an object.
  mutating func key(_ name: String) {
    separate()
    quote(name)
    bytes += ": ".utf8
    isFirst = true
  }

  /// Lets the next member or element begin a line.
  mutating func beginLine(indentation: Int) {
    separate(by: ",")
    endLine(indentation: indentation)
    isFirst = true
  }

  /// Ends a line.
  mutating func endLine(indentation: Int = 0) {
    bytes += "\n".utf8
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
  }

  mutating func null() { raw("null") }
  mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }
  mutating func number(_ value: some BinaryInteger) { raw(String(value)) }

  mutating func string(_ value: String) {
    separate()
    quote(value)
  }

  /// A string with `0x` and the hexadecimal digits of `value`.
  mutating func hexadecimal(_ value: UInt64) { raw("\"0x" + String(value, radix: 16) + "\"") }

  /// A string with two hexadecimal digits for each byte.
  mutating func hexadecimal(_ value: [UInt8]) {
    separate()
    bytes.append(Self.quotationMark)
    for byte in value { appendDigits(of: byte) }
    bytes.append(Self.quotationMark)
  }

  private static let quotationMark = UInt8(ascii: "\"")
  private static let digits = Array("0123456789abcdef".utf8)

  private mutating func begin(_ bracket: String) {
    raw(bracket)
    isFirst = true
  }

  private mutating func end(_ bracket: String) {
    isFirst = true
    raw(bracket)
  }

  private mutating func raw(_ text: String) {
    separate()
    bytes += text.utf8
  }

  private mutating func separate(by separator: String = ", ") {
    if !isFirst { bytes += separator.utf8 }
    isFirst = false
  }

  private mutating func quote(_ text: String) {
    bytes.append(Self.quotationMark)
    for byte in text.utf8 {
      switch byte {
      case Self.quotationMark, UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        bytes += "\\u00".utf8
        appendDigits(of: byte)
      default: bytes.append(byte)
      }
    }
    bytes.append(Self.quotationMark)
  }

  private mutating func appendDigits(of byte: UInt8) {
    bytes.append(Self.digits[Int(byte >> 4)])
    bytes.append(Self.digits[Int(byte & 15)])
  }
}
