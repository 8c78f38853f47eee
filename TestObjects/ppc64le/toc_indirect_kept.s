# toc_indirect_kept.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# A word of the TOC that something else uses, too, is read by all.
  .text
  .globl start
start:
# weld-check: decode_operand(start, 2)[15:0] = (word - .TOC. + 0x8000)[31:16]
  addis 3, 2, word@toc@ha
# weld-check: (*{4}(start+4)) = 0xe8830000 | (word - .TOC.)[15:0]
  ld 4, word@toc@l(3)
# weld-check: (*{4}(start+8)) = 0x80a30000 | (word - .TOC.)[15:0]
  lwz 5, word@toc@l(3)
  blr
  .section .toc, "aw", @progbits
# weld-check: *{8}word = value
word: .quad value
  .data
  .globl value
value: .quad 0
