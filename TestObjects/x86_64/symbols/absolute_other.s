# absolute_other.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# The other unit of absolute.s.

        .globl  small_number, large_number, negative_number
        .set    small_number, 42
        .set    large_number, 0x123456789abcdef0
        .set    negative_number, -7

        .data
        .globl  table, behind
        .type   table, @object
table:  .long   1, 2, 3, 4, 5
        .size   table, . - table
        .set    behind, table + 12
        .section .note.GNU-stack, "", @progbits
