# absolute.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# Absolute symbols, st_size of symbols, and a symbol equal to another plus a constant; with absolute_other.s.


        .text
        .globl  main
        .type   main, @function
main:   pushq   %rbx
        leaq    text(%rip), %rdi
        movl    $small_number, %esi
        movabsq $large_number, %rdx
        movq    $negative_number, %rcx
        movl    $table@SIZE, %r8d
        movl    behind(%rip), %r9d
        movq    small_number@GOTPCREL(%rip), %rax
        pushq   %rax
        pushq   stored(%rip)
        xorl    %eax, %eax
        callq   printf@PLT
        popq    %rax
        popq    %rax
        xorl    %eax, %eax
        popq    %rbx
        retq
        .size   main, . - main

        .section .rodata.str1.1, "aMS", @progbits, 1
text:   .asciz  "%d %lx %ld %d %d %lx %ld\n"

        .data
        .balign 8
stored: .quad   large_number + 1
        .section .note.GNU-stack, "", @progbits
