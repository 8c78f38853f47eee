# long_displacement.o: s390x-linux-gnu-gcc -march=z14
# The lower 12 bits of a long displacement stand before its upper 8. `number` is 0x12349abc.
  .text
  .globl start
start:
# weld-check: *{4}(start+2) = 0x26781204
# weld-check: decode_operand(start, 2) = 0x12678
  lg %r1, number - 0x12337444(%r2)
# weld-check: *{4}(start+8) = 0x2000ff04
  lg %r1, number - 0x1234aabc(%r2)
# weld-check: *{2}(start+14) = 0x2678
  .reloc . + 2, R_390_12, number - 0x12349444
  l %r1, 0(%r2)
  br %r14
