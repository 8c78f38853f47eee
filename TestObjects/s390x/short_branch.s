# short_branch.o: s390x-linux-gnu-gcc -march=z14
# 16-bit displacements count halfwords.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 1) = callee - start
  bras %r14, callee
# weld-check: decode_operand(start+4, 0) = callee - start - 4
  j callee
# weld-check: decode_operand(start+8, 2) = callee - start - 8
  brctg %r2, callee
  .section .text.other, "ax", @progbits
  .globl callee
callee: br %r14
