# group.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A section in a group, and a call of it.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2) = shared - caller
  bl shared
  nop
  blr
  .section .text.shared, "axG", @progbits, shared, comdat
  .weak shared
# weld-check: section_addr(group.o, .text.shared) = shared
shared:
  blr
