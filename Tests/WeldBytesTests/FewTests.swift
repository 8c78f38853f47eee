import Testing
import WeldBytes

@Suite("Lists of mostly one element")
struct FewTests {
  @Test(arguments: 0...4)
  func `elements are where an array has them`(count: Int) {
    let array = Array(10..<10 + count)
    var list = Few<Int>(array)
    #expect(Array(list) == array)
    #expect(list.count == count && list.isEmpty == array.isEmpty)
    #expect(list.first == array.first)
    #expect(list.indices.map { list[$0] } == array)
    var seen: [Int] = []
    list.forEach { seen.append($0) }
    #expect(seen == array)
    for limit in 9...15 {
      #expect(list.allSatisfy { $0 < limit } == array.allSatisfy { $0 < limit })
      #expect(list.contains { $0 == limit } == array.contains(limit))
    }
    for position in list.indices { list[position] += 1 }
    list.updateEach { $0 *= 2 }
    #expect(Array(list) == array.map { ($0 + 1) * 2 })
    #expect(Array(list.filter { $0 > 23 }) == Array(list).filter { $0 > 23 })
  }

  @Test(arguments: 0...2, 0...2)
  func `lists are joined in their order`(left: Int, right: Int) {
    var list = Few<Int>(0..<left)
    list.append(contentsOf: Few<Int>(5..<5 + right))
    #expect(Array(list) == Array(0..<left) + Array(5..<5 + right))
    list.removeAll()
    #expect(list.isEmpty && list.count == 0)
    list.append(7)
    #expect(Array(list) == [7])
  }
}
