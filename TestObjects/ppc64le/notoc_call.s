# notoc_call.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A caller without a TOC calls through a stub that needs none, and nothing behind the call is touched.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2)[25:0] = (stub_addr(notoc_call.o, far) - caller)[25:0]
  bl far@notoc
# weld-check: *{4}(caller+4) = 0x38600000
  li 3, 0
  blr
# mflr r12; bcl 20, 31, .+4; mflr r11; mtlr r12; addis r12, r11, ha; ld r12, lo(r12); mtctr r12; bctr
# weld-check: *{4}(stub_addr(notoc_call.o, far)) = 0x7d8802a6
# weld-check: *{4}(stub_addr(notoc_call.o, far) + 4) = 0x429f0005
# weld-check: *{4}(stub_addr(notoc_call.o, far) + 8) = 0x7d6802a6
# weld-check: *{4}(stub_addr(notoc_call.o, far) + 12) = 0x7d8803a6
# weld-check: (*{4}(stub_addr(notoc_call.o, far) + 16)) = 0x3d8b0000 | (section_addr(notoc_call.o, .got) - stub_addr(notoc_call.o, far) - 8 + 0x8000)[31:16]
# weld-check: (*{4}(stub_addr(notoc_call.o, far) + 20)) = 0xe98c0000 | (section_addr(notoc_call.o, .got) - stub_addr(notoc_call.o, far) - 8)[15:0]
# weld-check: *{8}(section_addr(notoc_call.o, .got)) = far
