import Foundation
import Testing
import Weld

/// Functions of this process with addresses.
enum Functions {
  typealias Function = @convention(c) (Int32) -> Int32

  static let addOne = address { $0 &+ 1 }
  static let double = address { $0 &* 2 }
  static let negate = address { 0 &- $0 }
  /// Where failing calls go.
  static let failed = address { -1000 &- $0 }

  private static func address(_ function: Function) -> Address {
    Address(rawValue: UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self))))
  }

  /// Calls the function at `address`.
  static func call(_ address: Address, _ argument: Int32) -> Int32 {
    unsafeBitCast(UnsafeRawPointer(bitPattern: UInt(address.rawValue)), to: Function.self)(argument)
  }
}

extension CoreFixture {
  func function(_ address: Address, _ flags: SymbolFlags = [.exported, .callable]) -> EvaluatedSymbol {
    EvaluatedSymbol(address: address, flags: flags)
  }

  func makeCallThrough() throws -> LazyCallThroughManager {
    try LazyCallThroughManager(for: session, lazyCompileFailureAddress: Functions.failed)
  }
}
