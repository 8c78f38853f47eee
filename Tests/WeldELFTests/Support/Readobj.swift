import Foundation

/// A value of the JSON that `llvm-readobj` prints.
struct JSON {
  let value: Any?

  subscript(key: String) -> JSON { JSON(value: (value as? [String: Any])?[key]) }
  var list: [JSON] { (value as? [Any] ?? []).map { JSON(value: $0) } }
  var text: String { value as? String ?? "" }
  var number: UInt64 { (value as? NSNumber)?.uint64Value ?? 0 }
}

/// What `llvm-readobj` says of files, in their order.
func readobj(_ paths: [String]) throws -> [JSON] {
  let options = ["--elf-output-style=JSON", "--file-header", "--sections", "--symbols", "--relocations"]
  let output = try Tool("llvm-readobj-19")(options + paths)
  return JSON(value: try JSONSerialization.jsonObject(with: output)).list
}
