# ds_forms.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# Fields of DS-form instructions keep the two bits of the opcode: LLVM's linkers make ld of lwa, std of stdu.
  .text
  .globl start
start:
  addis 3, 2, value@toc@ha
# weld-check: (*{4}(start+4))[1:0] = 2
# weld-check: (*{4}(start+4))[15:2] = (value - .TOC.)[15:2]
  lwa 4, value@toc@l(3)
# weld-check: (*{4}(start+8))[1:0] = 1
  ldu 4, value@toc@l(3)
# weld-check: (*{4}(start+12))[1:0] = 1
  stdu 4, value@toc@l(3)
# weld-check: (*{4}(start+16))[1:0] = 3
  lxssp 4, value@toc@l(3)
# weld-check: (*{4}(start+20))[1:0] = 2
  stxsd 4, value@toc@l(3)
# weld-check: (*{4}(start+24))[1:0] = 2
  lwa 4, number@l(3)
  blr
  .bss
  .space 0x18000
  .globl value
value: .space 8
