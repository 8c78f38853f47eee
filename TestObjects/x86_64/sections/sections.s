# sections.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# Sections with uncommon flags: SHF_EXCLUDE, SHF_LINK_ORDER, SHF_GNU_RETAIN, SHF_MERGE with entries of several
# sizes, zero bytes, large alignments, notes, and names that repeat.

        # Zero bytes long, with symbols at their only address.
        .section .text.empty, "ax", @progbits
empty_code:
        .section .data.empty, "aw", @progbits
empty_data:
        .section .bss.empty, "aw", @nobits
empty_zeros:
        .section .rodata.empty, "aMS", @progbits, 1
empty_strings:

        # Not part of the program. Nothing may complain about its undefined symbol.
        .section .excluded, "e", @progbits
        .quad   symbol_of_an_excluded_section
        .section .debug_fake, "", @progbits
        .quad   main, text_a

        # Ordered by the section that they belong to, and dropped with it.
        .section .text.second, "ax", @progbits
        .globl  second
second: movl    $2, %eax
        retq
        .section .metadata, "awo", @progbits, .text.second
        .quad   second
        .section .text.first, "ax", @progbits
        .globl  first
first:  movl    $1, %eax
        retq
        .section .metadata, "awo", @progbits, .text.first
metadata:
        .quad   first

        # Kept although nothing refers to it: its bytes count what __start_kept and __stop_kept enclose.
        .section kept, "awR", @progbits
        .quad   1, 2, 3

        # Two sections with one name, and one of them within a group.
        .section .data.twin, "aw", @progbits, unique, 1
twin_a: .quad   100
        .section .data.twin, "aw", @progbits, unique, 2
twin_b: .quad   200
        .section .data.grouped, "awG", @progbits, group_signature, comdat
        .weak   group_signature
group_signature:
        .quad   300

        # Mergeable: strings of 1, 2 and 4 bytes a character, constants of 4, 8 and 16 bytes.
        .section .rodata.str1.1, "aMS", @progbits, 1
text_a: .asciz  "one and two"
text_b: .asciz  "two"
text_c: .asciz  "one and two"
format_d:
        .asciz  "%s %ld\n"
        .section .rodata.str2.2, "aMS", @progbits, 2
        .balign 2
wide2:  .short  'w', 'i', 'd', 'e', 0
        .section .rodata.str4.4, "aMS", @progbits, 4
        .balign 4
wide4:  .long   'w', 'i', 'd', 'e', 'r', 0
        .section .rodata.cst4, "aM", @progbits, 4
        .balign 4
four:   .long   4
        .long   4
        .section .rodata.cst8, "aM", @progbits, 8
        .balign 8
        .quad   7
eight:  .quad   8
        .quad   7
        .section .rodata.cst16, "aM", @progbits, 16
        .balign 16
sixteen:
        .quad   16, 16

        # Alignments up to 16 KiB, more than a page.
        .section .data.aligned, "aw", @progbits
        .byte   1
        .balign 512
aligned_data:
        .byte   2
        .section .bss.aligned, "aw", @nobits
        .zero   3
        .balign 16384
aligned_zeros:
        .zero   3
        .text
        .balign 4096
aligned_code:
        retq

        .section .note.test, "a", @note
        .balign 4
        .long   5, 4, 1
        .asciz  "Weld"
        .balign 4
        .long   99

        .section .rodata, "a", @progbits
        .macro  label name, text
\name:  .asciz  "\text"
        .endm
label name_twins, "twins and group:"
label name_kept, "kept:"
label name_order, "metadata in order:"
label name_constants, "constants:"
label name_wide, "wide:"
label name_aligned, "misaligned:"

        .text
        .macro  print text
        leaq    format_d(%rip), %rdi
        leaq    \text(%rip), %rsi
        xorl    %eax, %eax
        callq   printf@PLT
        .endm
        .globl  main
        .type   main, @function
main:   pushq   %rbx
        # References by symbol, into the middle of a string, and by section symbol.
        leaq    text_a(%rip), %rdi
        callq   puts@PLT
        leaq    text_b+1(%rip), %rdi
        callq   puts@PLT
        leaq    .rodata.str1.1+8(%rip), %rdi
        callq   puts@PLT
        movq    pointers(%rip), %rdi
        callq   puts@PLT
        movq    pointers+8(%rip), %rdi
        callq   puts@PLT

        movq    twin_a(%rip), %rdx
        addq    twin_b(%rip), %rdx
        addq    group_signature(%rip), %rdx
        print   name_twins

        leaq    __stop_kept(%rip), %rdx
        leaq    __start_kept(%rip), %rax
        subq    %rax, %rdx
        print   name_kept

        # The two pieces of .metadata lie in the order of their functions; where exactly is the linker's choice.
        movq    metadata(%rip), %rax
        callq   *%rax
        movslq  %eax, %rdx
        print   name_order

        movslq  four(%rip), %rdx
        addq    eight(%rip), %rdx
        addq    sixteen+8(%rip), %rdx
        print   name_constants

        movzwl  wide2+6(%rip), %edx
        addl    wide4+16(%rip), %edx
        print   name_wide

        leaq    aligned_zeros(%rip), %rax
        andl    $16383, %eax
        movl    %eax, %edx
        leaq    aligned_data(%rip), %rax
        andl    $511, %eax
        addq    %rax, %rdx
        leaq    aligned_code(%rip), %rax
        andl    $4095, %eax
        addq    %rax, %rdx
        print   name_aligned

        leaq    empty_code(%rip), %rax
        leaq    empty_data(%rip), %rcx
        leaq    empty_zeros(%rip), %rdx
        leaq    empty_strings(%rip), %rsi
        xorl    %eax, %eax
        popq    %rbx
        retq
        .size   main, . - main

        .data
        .balign 8
pointers:
        .quad   text_c
        .quad   .rodata.str1.1+4
        .section .note.GNU-stack, "", @progbits
