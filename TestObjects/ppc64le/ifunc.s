# ifunc.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The address of an indirect function is that of a stub, which can be entered as any function: with r12.
  .text
  .globl start
start:
# weld-check: (decode_operand(start, 0) << 2)[25:0] = (stub_addr(ifunc.o, chosen, call) - start)[25:0]
  bl chosen
# weld-check: *{4}(start+4) = 0xe8410018
  nop
  blr
  .globl chosen
  .type chosen, @gnu_indirect_function
chosen: blr
# addis r12, r12, ha
# weld-check: (*{4}(section_addr(ifunc.o, .plt)))[31:16] = 0x3d8c
  .data
  .globl pointer
# weld-check: *{8}pointer = chosen
# weld-check: *{8}pointer = section_addr(ifunc.o, .plt)
pointer: .quad chosen
