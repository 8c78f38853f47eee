# Functions of every kind of entry (ELFv2 ABI 1.5, section 3.4.1, st_other), for entries_main.c. Each returns its argument
# and something else.

        .machine power8
        .text

        # 0: global and local entry are one, and r2 is the caller's afterwards.
        .globl  keeping
        .type   keeping, @function
keeping:
        addi    3, 3, 1
        blr
        .size   keeping, . - keeping

        # 1: as above, but r2 may be anything afterwards.
        .globl  clobbering
        .type   clobbering, @function
        .localentry clobbering, 1
clobbering:
        li      2, -1
        addi    3, 3, 2
        blr
        .size   clobbering, . - clobbering

        # A local entry after 8 bytes.
        .globl  eight
        .type   eight, @function
eight:  addis   2, 12, .TOC. - eight@ha
        addi    2, 2, .TOC. - eight@l
        .localentry eight, . - eight
        addis   4, 2, three@toc@ha
        lwa     4, three@toc@l(4)
        add     3, 3, 4
        blr
        .size   eight, . - eight

        # After 16 bytes, with the distance of the TOC before the function, as the large model has it.
        .balign 8
distance:
        .quad   .TOC. - sixteen
        .globl  sixteen
        .type   sixteen, @function
sixteen:
        ld      2, distance - sixteen(12)
        add     2, 2, 12
        nop
        nop
        .localentry sixteen, . - sixteen
        addis   4, 2, four@got@ha
        ld      4, four@got@l(4)
        lwa     4, 0(4)
        add     3, 3, 4
        blr
        .size   sixteen, . - sixteen

        # Calls all of them, with a frame of its own, and goes on with the TOC.
        .globl  caller
        .type   caller, @function
caller: addis   2, 12, .TOC. - caller@ha
        addi    2, 2, .TOC. - caller@l
        .localentry caller, . - caller
        mflr    0
        std     0, 16(1)
        stdu    1, -32(1)
        bl      keeping
        nop
        bl      clobbering
        nop
        bl      eight
        nop
        bl      sixteen
        nop
        bl      clobbering
        nop
        addis   4, 2, three@toc@ha
        lwa     4, three@toc@l(4)
        mulld   3, 3, 4
        addi    1, 1, 32
        ld      0, 16(1)
        mtlr    0
        blr
        .size   caller, . - caller

        .data
        .balign 4
        .globl  three, four
three:  .long   3
four:   .long   4

        .section .note.GNU-stack, "", @progbits
