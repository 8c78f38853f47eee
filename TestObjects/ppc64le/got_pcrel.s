# got_pcrel.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A load of an address from the GOT becomes the computation of the address.
  .text
  .globl start
start:
# weld-check: (*{4}start)[31:20] = 0x061
# weld-check: (*{4}(start+4))[31:26] = 14
# weld-check: decode_operand(start, 2) = value - start
  pld 3, value@got@pcrel
# weld-check: (*{4}(start+8))[31:20] = 0x041
# weld-check: decode_operand(start+8, 1) = got_addr(got_pcrel.o, far) - start - 8
# weld-check: *{8}(got_addr(got_pcrel.o, far)) = far
  pld 3, far@got@pcrel
  blr
  .data
  .globl value
value: .quad 0
