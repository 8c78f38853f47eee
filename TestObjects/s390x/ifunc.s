# ifunc.o: s390x-linux-gnu-gcc -march=z14
# The address of an indirect function is that of a stub.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 1) = section_addr(ifunc.o, .plt) - start
  brasl %r14, chosen@PLT
# weld-check: decode_operand(start+6, 1) = chosen - start - 6
  larl %r1, chosen
  br %r14
  .globl chosen
  .type chosen, @gnu_indirect_function
chosen: br %r14
  .data
  .globl pointer
# weld-check: *{8}pointer = chosen
# weld-check: chosen = section_addr(ifunc.o, .plt)
pointer: .quad chosen
