internal import Glibc
internal import WeldMemory

/// Where an executor listens: a host and a port.
public struct NetworkAddress: Hashable, Sendable {
  /// A name or an address.
  public var host: String
  /// A number or the name of a service.
  public var port: String

  /// The port `port` of `host`.
  public init(host: String, port: String) {
    self.host = host
    self.port = port
  }

  /// Reads `HOST:PORT`; the address of a host that has colons in it stands in brackets: `[::1]:2000`.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = text[..<colon]
    port = String(text[text.index(after: colon)...])
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, !port.isEmpty, !host.contains(where: { $0 == "[" || $0 == "]" }) else { return nil }
    self.host = String(host)
  }
}

extension NetworkAddress: CustomStringConvertible {
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension NetworkAddress {
  /// A connection to the address.
  ///
  /// - Parameter limit: how long each of the host's addresses may take to answer.
  func connect(within limit: Duration) throws(ExecutorError) -> Channel {
    var wanted = unsafe addrinfo()
    unsafe wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var first: UnsafeMutablePointer<addrinfo>?
    // The call makes a list, which is given back below.
    let failure = unsafe getaddrinfo(host, port, &wanted, &first)
    guard failure == 0 else {
      throw .notConnected(address: description, reason: unsafe String(cString: gai_strerror(failure)))
    }
    defer { unsafe freeaddrinfo(first) }
    var reason = "the host has no address"
    var next = unsafe first
    while let address = unsafe next {
      unsafe next = address.pointee.ai_next
      switch unsafe Self.connect(to: address.pointee, within: limit) {
      case .success(let descriptor): return try Channel(input: descriptor, output: descriptor)
      case .failure(let error): reason = error.reason
      }
    }
    throw .notConnected(address: description, reason: reason)
  }

  private struct Failure: Error {
    var reason: String
    init(errno: Int32) { reason = systemMessage(errno) }
    init(limit: Duration) { reason = "no answer within \(limit)" }
  }

  private static func connect(to address: addrinfo, within limit: Duration) -> Result<Int32, Failure> {
    let descriptor = socket(
      unsafe address.ai_family,
      unsafe address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return .failure(Failure(errno: errno)) }
    var failure: Int32 = 0
    // The list keeps the address for the call.
    if unsafe Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
      failure = errno
      if failure == EINPROGRESS {
        guard (try? Polling.wait(for: [(descriptor, POLLOUT)], atMost: limit)) != nil else {
          close(descriptor)
          return .failure(Failure(limit: limit))
        }
        var size = socklen_t(MemoryLayout<Int32>.size)
        // The call writes an integer of this size.
        unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
      }
    }
    guard failure == 0 else {
      close(descriptor)
      return .failure(Failure(errno: failure))
    }
    var isOn: Int32 = 1
    // Messages are small and answers waited for. The call reads an integer of this size.
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    // A machine that is gone is noticed while a program runs there for long.
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &isOn, socklen_t(MemoryLayout<Int32>.size))
    return .success(descriptor)
  }
}
