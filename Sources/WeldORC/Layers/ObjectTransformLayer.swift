internal import Synchronization
internal import WeldBytes
public import WeldELF
internal import WeldLink
internal import WeldMemory

/// Changes or looks at objects on their way to another layer. LLVM's `ObjectTransformLayer`.
public final class ObjectTransformLayer: ObjectLayer {
  /// Returns the object to link; its errors fail the object's symbols. `nil` stands for one that changes nothing.
  public typealias Transform = @Sendable (ObjectFile) throws(OrcError) -> ObjectFile

  /// The layer that gets the objects.
  public let base: any ObjectLayer
  /// The same, if it collects.
  private let collector: (any CollectingObjectLayer)?
  private let current: Mutex<Transform?>
  /// Whether there is none, for those who want to know without the lock.
  private let changesNothing: Atomic<Bool>

  /// A layer above `base`, which changes nothing unless told how.
  public init(_ base: any ObjectLayer, transform: Transform? = nil) {
    self.base = base
    collector = base as? any CollectingObjectLayer
    current = Mutex(transform)
    changesNothing = Atomic(transform == nil)
  }

  /// What is done with objects that are asked for from now on.
  public var transform: Transform? {
    get { current.withLock { $0 } }
    set {
      current.withLock { current in
        current = newValue
        changesNothing.store(newValue == nil, ordering: .releasing)
      }
    }
  }

  public func emit(_ responsibility: MaterializationResponsibility, _ object: ObjectFile) {
    do throws(OrcError) {
      base.emit(responsibility, try transform?(object) ?? object)
    } catch {
      responsibility.failMaterialization(error)
    }
  }
}

extension ObjectTransformLayer: CollectingObjectLayer {
  var isCollecting: Bool { changesNothing.load(ordering: .acquiring) && collector?.isCollecting == true }

  func emit(_ responsibility: MaterializationResponsibility, _ object: PendingObject) {
    if let collector, changesNothing.load(ordering: .acquiring) {
      collector.emit(responsibility, object)
    } else {
      emit(responsibility, object.object)
    }
  }
}

extension ObjectTransformLayer: InitializerSource {
  func deliverInitializers(to sink: any InitializerSink) {
    (base as? any InitializerSource)?.deliverInitializers(to: sink)
  }
}

/// Writes objects to a folder and changes nothing: a transform for ``ObjectTransformLayer``. LLVM's `DumpObjects`.
///
/// The files are called as the objects are, without their folders; a number tells those apart that have the same name.
public struct DumpObjects: Sendable {
  private let folder: String
  private let baseName: String?

  /// - Parameters:
  ///   - folder: must exist.
  ///   - baseName: what all files are called, instead of what the objects are.
  public init(to folder: String, baseName: String? = nil) {
    self.folder = folder
    self.baseName = baseName
  }

  /// Writes `object`.
  ///
  /// - Throws: ``OrcError/link(_:)`` with ``MemoryError/system(call:errno:)`` if the file cannot be written.
  public func callAsFunction(_ object: ObjectFile) throws(OrcError) -> ObjectFile {
    let bytes = [UInt8](copying: object.bytes.span)
    var stem = baseName ?? String(object.name.split(separator: "/").last ?? "object")
    if stem.hasSuffix(".o") { stem.removeLast(2) }
    var number = 1
    while true {
      let path = "\(folder)/\(stem)\(number == 1 ? "" : ".\(number)").o"
      do {
        try OutputFile.write(bytes, to: path)
        return object
      } catch {
        guard error.isExisting else {
          throw .link(.memory(.system(call: "writing \(path)", errno: error.errno)))
        }
        number += 1
      }
    }
  }
}

extension SystemError {
  /// Whether there is a file of that name (`EEXIST`, the same number on all Linux systems that Weld knows).
  fileprivate var isExisting: Bool { errno == 17 }
}
