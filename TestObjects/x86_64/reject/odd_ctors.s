# odd_ctors.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# A .ctors of 12 bytes: not a whole number of pointers.
        .section .ctors, "aw", @progbits
        .quad   main
        .long   0
        .text
        .globl  main
main:   xorl    %eax, %eax
        retq
        .section .note.GNU-stack, "", @progbits
