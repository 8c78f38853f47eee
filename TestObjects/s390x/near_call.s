# near_call.o: s390x-linux-gnu-gcc -march=z14
# A call through the PLT of a function in reach goes there: LLVM's RuntimeDyld makes a stub for it.
  .text
  .globl caller
caller:
# weld-check: decode_operand(caller, 1) = callee - caller
  brasl %r14, callee@PLT
# weld-check: decode_operand(caller+6, 0) = callee - caller - 6
  jg callee@PLT
  .globl callee
callee: br %r14
