# Displacements for literals.s: numbers, not addresses.

        .globl  displacement12, displacement20, displacementBelow
        .set    displacement12, 0xabc
        .set    displacement20, 0x7fffe
        .set    displacementBelow, -0x80000

        .section .note.GNU-stack, "", @progbits
