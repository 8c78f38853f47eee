# pcrel_opt.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The load of an address and the only access through it become one instruction.
  .text
  .globl start
start:
# weld-check: (*{4}start)[31:20] = 0x041
# weld-check: (*{4}(start+4))[31:16] = 0xe880
# weld-check: decode_operand(start, 1) = value + 32 - start
  pld 3, value@got@pcrel
0:
  .reloc 0b - 8, R_PPC64_PCREL_OPT, 12
  li 5, 1
# A load stays a load: lld 19 makes a store of lxvp.
# weld-check: *{4}(start+12) = 0x60000000
  lxvp 4, 32(3)
  blr
  .data
  .balign 16
  .globl value
value: .space 64
