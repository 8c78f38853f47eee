# far_call.o: s390x-linux-gnu-gcc -march=z14
# A function out of reach is called through a stub: larl %r1, slot; lg %r1, 0(%r1); br %r1.
  .text
  .globl caller
caller:
# weld-check: decode_operand(caller, 1) = stub_addr(far_call.o, far) - caller
  brasl %r14, far@PLT
# weld-check: *{2}(stub_addr(far_call.o, far)) = 0xc010
# weld-check: (*{4}(stub_addr(far_call.o, far) + 2)) = (section_addr(far_call.o, .got) - stub_addr(far_call.o, far))[32:1]
# weld-check: *{4}(stub_addr(far_call.o, far) + 6) = 0xe3101000
# weld-check: *{4}(stub_addr(far_call.o, far) + 10) = 0x000407f1
# weld-check: *{8}(section_addr(far_call.o, .got)) = far
