# branch_prediction.o: s390x-linux-gnu-gcc -march=z14
# Fields of 12 and 24 bits; the latter has three bytes, and the fourth stays.
  .text
  .globl start
start:
# weld-check: (*{1}(start+1))[7:4] = 15
# weld-check: (*{2}(start+1))[11:0] = (branch - start)[12:1]
# weld-check: (*{4}(start+2))[23:0] = (callee - start)[24:1]
  bprp 15, branch, callee
branch:
# weld-check: *{2}branch = 0xc0e5
  brasl %r14, callee
  br %r14
  .space 0x1000
  .globl callee
callee: br %r14
