# inline_plt.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A call through the PLT without a stub: the word holds the function's global entry.
  .text
  .globl start
start:
  std 2, 24(1)
# weld-check: decode_operand(start+4, 2)[15:0] = (got_addr(inline_plt.o, far) - .TOC. + 0x8000)[31:16]
  addis 12, 2, far@plt@ha
# weld-check: decode_operand(start+8, 1)[15:0] = (got_addr(inline_plt.o, far) - .TOC.)[15:0]
# weld-check: *{8}(got_addr(inline_plt.o, far)) = far
  ld 12, far@plt@l(12)
  mtctr 12
  bctrl
  ld 2, 24(1)
  blr
