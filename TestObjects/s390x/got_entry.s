# got_entry.o: s390x-linux-gnu-gcc -march=z14
# A load of an address from the GOT becomes the computation of the address, if that is even and in reach.
  .text
  .globl start
start:
# weld-check: *{2}start = 0xc010
# weld-check: decode_operand(start, 1) = value - start
  lgrl %r1, value@GOTENT
# weld-check: *{2}(start+6) = 0xc428
# weld-check: decode_operand(start+6, 1) = got_addr(got_entry.o, odd) - start - 6
# weld-check: *{8}(got_addr(got_entry.o, odd)) = odd
  lgrl %r2, odd@GOTENT
# weld-check: *{2}(start+12) = 0xc438
# weld-check: decode_operand(start+12, 1) = got_addr(got_entry.o, far) - start - 12
# weld-check: *{8}(got_addr(got_entry.o, far)) = far
  lgrl %r3, far@GOTENT
# weld-check: *{2}(start+18) = 0xc040
# weld-check: decode_operand(start+18, 1) = got_addr(got_entry.o, value) - start - 18
  larl %r4, value@GOTENT
  br %r14
  .data
  .globl value, odd
value: .quad 0
  .byte 0
odd: .byte 0
