# rel16dx.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The immediate of addpcis lies in three pieces.
  .text
  .globl start
start:
# weld-check: ((*{4}start)[15:6] << 6) | ((*{4}start)[20:16] << 1) | (*{4}start)[0:0] = (value - start - 4 + 0x8000)[31:16]
  addpcis 3, (value - 0f)@ha
0:
# weld-check: decode_operand(start+4, 2)[15:0] = (value - start - 4)[15:0]
  addi 3, 3, (value - 0b)@l
  blr
  .bss
  .space 0x28000
  .globl value
value: .space 8
