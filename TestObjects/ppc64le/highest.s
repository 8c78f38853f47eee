# highest.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The upper half of a 64-bit address is not checked against 32 bits, as LLVM's JITLink does.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 1) & 0xffff = far[63:48]
  lis 3, far@highest
# weld-check: decode_operand(start+4, 2) & 0xffff = far[47:32]
  ori 3, 3, far@higher
  sldi 3, 3, 32
# weld-check: decode_operand(start+12, 2) & 0xffff = far[31:16]
  oris 3, 3, far@high
# weld-check: decode_operand(start+16, 2) & 0xffff = far[15:0]
  ori 3, 3, far@l
# weld-check: decode_operand(start+20, 1) & 0xffff = (far + 0x800080008000)[63:48]
  lis 3, far@highesta
  blr
