# toc_indirect.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The address that a word of the TOC is known to hold is computed instead of loaded.
  .text
  .globl start
start:
# weld-check: (*{4}start) = 0x3c620000 | (value - .TOC. + 0x8000)[31:16]
  addis 3, 2, .LC0@toc@ha
# weld-check: (*{4}(start+4)) = 0x38830000 | (value - .TOC.)[15:0]
  ld 4, .LC0@toc@l(3)
  blr
  .section .toc, "aw", @progbits
.LC0: .quad value
  .bss
  .space 0x18000
  .globl value
value: .space 8
