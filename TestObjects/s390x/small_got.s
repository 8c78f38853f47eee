# small_got.o: s390x-linux-gnu-gcc -march=z14
# Displacements of 12 and 20 bits, and numbers of 16, from the base of the GOT, which is its first slot.
  .text
  .globl start
start:
# weld-check: _GLOBAL_OFFSET_TABLE_ = section_addr(small_got.o, .got)
# weld-check: decode_operand(start, 1) = _GLOBAL_OFFSET_TABLE_ - start
  larl %r12, _GLOBAL_OFFSET_TABLE_
# weld-check: (*{2}(start+8)) = 0xc000 | (got_addr(small_got.o, first) - _GLOBAL_OFFSET_TABLE_)
  l %r1, first@GOT(%r12)
# weld-check: (*{4}(start+12)) = 0xc0000004 | ((got_addr(small_got.o, second) - _GLOBAL_OFFSET_TABLE_) << 16)
  lg %r1, second@GOT(%r12)
# weld-check: (*{2}(start+18)) = got_addr(small_got.o, third) - _GLOBAL_OFFSET_TABLE_
  lghi %r1, third@GOT
  br %r14
  .data
  .globl first, second, third
first: .quad 0
second: .quad 0
third: .quad 0
# weld-check: *{8}(got_addr(small_got.o, third)) = third
