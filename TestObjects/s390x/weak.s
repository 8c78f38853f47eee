# weak.o: s390x-linux-gnu-gcc -march=z14
# An undefined weak symbol is 0.
  .text
  .globl start
  .weak nobody
start:
# weld-check: decode_operand(start, 1) = 0 - start
  larl %r1, nobody
  br %r14
  .data
  .globl pointer
# weld-check: *{8}pointer = 0
pointer: .quad nobody
