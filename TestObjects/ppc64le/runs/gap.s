# More code than a branch reaches (32 MiB), between the units of long_branches.

        .section .text, "ax", @progbits
        .zero   0x2400000
