# save_toc.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A function that does not keep r2 (st_other 1) is called through a stub that saves it.
  .text
  .globl caller
caller:
# weld-check: (decode_operand(caller, 0) << 2)[25:0] = (stub_addr(save_toc.o, callee) - caller)[25:0]
  bl callee
# weld-check: *{4}(caller+4) = 0xe8410018
  nop
  blr
# weld-check: *{4}(stub_addr(save_toc.o, callee)) = 0xf8410018
  .globl callee
callee:
  .localentry callee, 1
  blr
  .data
  .quad .TOC.@tocbase
