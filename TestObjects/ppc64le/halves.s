# halves.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# The parts of an address; the adjusted ones make up for the sign of the next. `number` is 0x12349abc.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 1) & 0xffff = 0x1235
  lis 3, number@ha
# weld-check: decode_operand(start+4, 2) & 0xffff = 0x9abc
  addi 3, 3, number@l
# weld-check: decode_operand(start+8, 1) & 0xffff = 0x1234
  lis 3, number@h
# weld-check: decode_operand(start+12, 2) & 0xffff = 0x9abc
  ori 3, 3, number@l
