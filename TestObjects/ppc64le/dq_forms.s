# dq_forms.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# Fields of DQ-form instructions keep four bits: part of the opcode and of a register's number.
  .text
  .globl start
start:
  addis 3, 2, value@toc@ha
# weld-check: (*{4}(start+4)) = 0xf4830001 | (value - .TOC.)[15:0]
  lxv 4, value@toc@l(3)
# weld-check: (*{4}(start+8)) = 0xf4830009 | (value - .TOC.)[15:0]
  lxv 36, value@toc@l(3)
# weld-check: (*{4}(start+12)) = 0xf483000d | (value - .TOC.)[15:0]
  stxv 36, value@toc@l(3)
# weld-check: (*{4}(start+16)) = 0x18830001 | (value - .TOC.)[15:0]
  stxvp 4, value@toc@l(3)
  blr
  .bss
  .space 0x18000
  .balign 16
  .globl value
value: .space 16
