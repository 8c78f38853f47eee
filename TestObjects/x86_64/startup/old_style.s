# old_style.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# Constructors and destructors as compilers made them before .init_array: .ctors is executed from the last entry to
# the first, .dtors from the first to the last, and the number in a section's name is 65535 minus the priority.

        .macro entry section, name, text
        .section .rodata.str1.1, "aMS", @progbits, 1
\name\()_text:
        .asciz "\text"
        .text
\name:  leaq    \name\()_text(%rip), %rdi
        jmp     say@PLT
        .section \section, "aw", @progbits
        .balign 8
        .quad   \name
        .endm

        # Priorities 103 and 900, each between two of constructors.c.
        entry   .ctors.65432, ctor_103, ".ctors.65432: priority 103"
        entry   .dtors.65432, dtor_103, ".dtors.65432: priority 103"
        entry   .ctors.64635, ctor_900, ".ctors.64635: priority 900"
        entry   .dtors.64635, dtor_900, ".dtors.64635: priority 900"
        # Without a priority.
        entry   .ctors, ctor_1, ".ctors, first entry"
        entry   .ctors, ctor_2, ".ctors, second entry"
        entry   .dtors, dtor_1, ".dtors, first entry"
        entry   .dtors, dtor_2, ".dtors, second entry"

        .section .note.GNU-stack, "", @progbits
