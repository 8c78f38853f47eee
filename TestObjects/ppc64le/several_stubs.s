# several_stubs.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A function that is called with and without a TOC has a stub for each, and one slot.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2)[25:0] = (stub_addr(several_stubs.o, far, call) - caller)[25:0]
  bl far
  nop
# weld-check: (decode_operand(caller+8, 0) << 2)[25:0] = (stub_addr(several_stubs.o, far, notoc) - caller - 8)[25:0]
  bl far@notoc
  blr
# weld-check: *{8}(section_addr(several_stubs.o, .got)) = far
