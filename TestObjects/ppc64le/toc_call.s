# toc_call.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A call that leaves the module goes through a stub that saves r2; the nop behind it becomes the load of r2.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2)[25:0] = (stub_addr(toc_call.o, far) - caller)[25:0]
  bl far
# weld-check: *{4}(caller+4) = 0xe8410018
  nop
  blr
# weld-check: *{4}(stub_addr(toc_call.o, far)) = 0xf8410018
# weld-check: (*{4}(stub_addr(toc_call.o, far) + 4)) = 0x3d820000 | (section_addr(toc_call.o, .got) - .TOC. + 0x8000)[31:16]
# weld-check: (*{4}(stub_addr(toc_call.o, far) + 8)) = 0xe98c0000 | (section_addr(toc_call.o, .got) - .TOC.)[15:0]
# weld-check: *{4}(stub_addr(toc_call.o, far) + 12) = 0x7d8903a6
# weld-check: *{4}(stub_addr(toc_call.o, far) + 16) = 0x4e800420
# weld-check: *{8}(section_addr(toc_call.o, .got)) = far
