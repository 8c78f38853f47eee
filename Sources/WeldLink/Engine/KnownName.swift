package import WeldBytes

/// The name of a global symbol that somebody has read who keeps names: neither read again nor compared byte by byte.
package struct KnownName: Sendable {
  /// Different for different names of whoever keeps them, and not 0; 0 for a symbol whose name must be read.
  var identity: UInt
  private var byteCount: UInt32
  private var hash: UInt32

  package init(_ name: HashedName, identity: UInt) {
    self.identity = identity
    byteCount = UInt32(truncatingIfNeeded: name.byteCount)
    hash = name.hash
  }

  /// A name that must be read.
  package static let unread = KnownName(HashedName(byteCount: 0, hash: 0), identity: 0)

  var name: HashedName { HashedName(byteCount: Int(byteCount), hash: hash) }
}
