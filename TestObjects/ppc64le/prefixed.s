# prefixed.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# Immediates of 34 bits are split between the prefix and the suffix.
  .text
  .globl start
start:
# weld-check: (*{4}start)[17:0] = (value - start)[33:16]
# weld-check: (*{4}(start+4))[15:0] = (value - start)[15:0]
# weld-check: decode_operand(start, 2) = value - start
  pla 3, value@pcrel
# weld-check: decode_operand(start+8, 1) = value + 8 - start - 8
  plwz 3, value + 8@pcrel
  blr
  .bss
  .space 0x18000
  .globl value
value: .space 16
