# writable_code.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# A section that wants to be writable and executable.
        .section .text.patched, "awx", @progbits
        .globl  main
main:   xorl    %eax, %eax
        retq
        .section .note.GNU-stack, "", @progbits
