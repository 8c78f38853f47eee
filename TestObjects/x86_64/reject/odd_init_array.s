# odd_init_array.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# An .init_array of 4 bytes: not a whole number of pointers.
        .section .init_array, "aw", @init_array
        .long   0
        .text
        .globl  main
main:   xorl    %eax, %eax
        retq
        .section .note.GNU-stack, "", @progbits
