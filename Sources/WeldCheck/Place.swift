/// A number of an expression, and where in the link it points.
///
/// Sections that are not loaded all have address 0, and sections may be put at addresses that overlap. So an
/// address alone does not say which bytes are meant; the section does.
struct Place: Equatable {
  /// The number: for a name its address in the target.
  var number: UInt64
  /// The position in the map of the section that it points into, if it comes from a name.
  var section: Int?

  init(_ number: UInt64, in section: Int? = nil) {
    self.number = number
    self.section = section
  }

  /// The result of `operation`. It points into the same section if one of both does: `name + 4`,
  /// `name & 0xfffffff8`; but `name - other` is a distance.
  static func combine(_ left: Place, _ operation: Expression.Operator, _ right: Place) -> Place {
    let number = operation(left.number, right.number)
    return switch (left.section, right.section) {
    case (let section?, nil), (nil, let section?): Place(number, in: section)
    default: Place(number)
    }
  }
}
