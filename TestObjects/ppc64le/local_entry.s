# local_entry.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A call within the module enters behind the two instructions that compute r2; a pointer is the global entry's.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2) = callee + 8 - caller
  bl callee
# weld-check: *{4}(caller+4) = 0x60000000
  nop
  blr
  .globl callee
  .type callee, @function
callee:
# weld-check: decode_operand(callee, 2)[15:0] = (.TOC. - callee + 0x8000)[31:16]
  addis 2, 12, .TOC. - callee@ha
# weld-check: decode_operand(callee+4, 2)[15:0] = (.TOC. - callee)[15:0]
  addi 2, 2, .TOC. - callee@l
  .localentry callee, . - callee
  blr
  .data
  .globl pointer, local
# weld-check: *{8}pointer = callee
pointer: .quad callee
# weld-check: *{8}local = callee + 8
local: .quad callee@localentry
