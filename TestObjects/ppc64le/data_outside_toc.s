# data_outside_toc.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# TOC16 refers to data outside of the TOC: LLVM's RuntimeDyld gives up here.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 2)[15:0] = (value - .TOC. + 0x8000)[31:16]
  addis 3, 2, value@toc@ha
# weld-check: decode_operand(start+4, 2)[15:0] = (value - .TOC.)[15:0]
  addi 3, 3, value@toc@l
  blr
  .bss
  .space 0x18000
  .globl value
value: .space 8
