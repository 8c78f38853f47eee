internal import Glibc
internal import WeldMemory

/// A descriptor that is closed with its last reference, unless somebody took it.
final class OwnedDescriptor {
  private(set) var number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { if number >= 0 { close(number) } }

  func take() -> Int32 {
    defer { number = -1 }
    return number
  }
}

/// The two ends of a pipe that no other process inherits, however many are being started.
struct Pipe {
  let reader: OwnedDescriptor
  let writer: OwnedDescriptor

  /// A pipe, or the system's `errno`.
  static func make() -> (pipe: Pipe?, errno: Int32) {
    var ends: [Int32] = [-1, -1]
    // The call writes two descriptors.
    guard unsafe pipeWithFlags(&ends, O_CLOEXEC) == 0 else { return (nil, errno) }
    return (Pipe(reader: OwnedDescriptor(ends[0]), writer: OwnedDescriptor(ends[1])), 0)
  }

  /// The same pipe with descriptors of 10 and above; the system's `errno` if there are none.
  func moved() -> (pipe: Pipe?, errno: Int32) {
    let reader = OwnedDescriptor(fcntl(reader.number, F_DUPFD_CLOEXEC, 10))
    let writer = OwnedDescriptor(fcntl(writer.number, F_DUPFD_CLOEXEC, 10))
    guard reader.number >= 0, writer.number >= 0 else { return (nil, errno) }
    return (Pipe(reader: reader, writer: writer), 0)
  }
}

/// `pipe2`, which Swift's view of the C library's headers lacks.
@_extern(c, "pipe2")
private func pipeWithFlags(_ ends: UnsafeMutablePointer<Int32>, _ flags: Int32) -> Int32
