import Weld

/// Why an output cannot be written.
enum OutputError: Error, CustomStringConvertible {
  /// What the system said when it was written or renamed.
  case notWritten(path: String, errno: Int32)
  /// A device, or a folder, where a file was expected.
  case notRegular(path: String)
  /// A file where a folder was expected.
  case notFolder(path: String)
  /// A folder with other things than an image.
  case inUse(path: String)
  /// An image that no executable can hold.
  case notExecutable(path: String, ExecutableError)

  var description: String {
    switch self {
    case .notWritten(let path, let number):
      "\(path): cannot be written: \(SystemError(errno: number))"
    case .notRegular(let path): "\(path): is not a regular file, and so is not replaced; name another one"
    case .notFolder(let path): "\(path): is a file; expected a folder for the image, or a new name"
    case .inUse(let path):
      "\(path): the folder holds other things than an image, and so is not replaced; name a new or empty one"
    case .notExecutable(let path, let error): "\(path): \(error)"
    }
  }
}
