# got_addends.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The addend selects the slot: it is not added to the slot's address.
  .text
  .globl start
start:
# weld-check: *{8}(section_addr(got_addends.o, .got)) = far
# weld-check: *{8}(section_addr(got_addends.o, .got) + 8) = far + 16
# weld-check: decode_operand(start, 1)[15:0] = 0x8000
  ld 3, far@got(2)
# weld-check: decode_operand(start+4, 1)[15:0] = 0x8008
  ld 3, far + 16@got(2)
  blr
