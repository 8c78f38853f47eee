# notoc_to_toc.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A caller without a TOC calls a function with one at its global entry, with the function's address in r12.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2)[25:0] = (stub_addr(notoc_to_toc.o, callee) - caller)[25:0]
  bl callee@notoc
  blr
# addis r12, r11, ha; addi r12, r12, lo: r11 is the address of the stub's third instruction
# weld-check: (*{4}(stub_addr(notoc_to_toc.o, callee) + 16)) = 0x3d8b0000 | (callee - stub_addr(notoc_to_toc.o, callee) - 8 + 0x8000)[31:16]
# weld-check: (*{4}(stub_addr(notoc_to_toc.o, callee) + 20)) = 0x398c0000 | (callee - stub_addr(notoc_to_toc.o, callee) - 8)[15:0]
  .globl callee
callee:
  addis 2, 12, .TOC. - callee@ha
  addi 2, 2, .TOC. - callee@l
  .localentry callee, . - callee
  blr
