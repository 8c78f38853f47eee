# overflow.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# A field of 8 bits for an address.
        .text
        .globl  main
main:   xorl    %eax, %eax
        retq
        .data
        .byte   main
        .section .note.GNU-stack, "", @progbits
