# toc_base.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# .TOC. is 0x8000 bytes behind the start of the GOT.
  .text
  ld 3, value@got(2)
  .data
  .globl words
# weld-check: .TOC. = section_addr(toc_base.o, .got) + 0x8000
# weld-check: *{8}words = .TOC.
# weld-check: *{8}(words+8) = .TOC. - words - 8
words: .quad .TOC.@tocbase, .TOC. - .
value: .quad 0
