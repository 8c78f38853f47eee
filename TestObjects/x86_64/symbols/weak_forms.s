# weak_forms.o: llvm-mc-19 --filetype=obj --triple=x86_64-linux-gnu
# Every form in which code can take the address of `nobody`, a weak symbol that is nowhere defined, or call it.

        .weak   nobody
        .macro  form name
        .globl  form_\name
form_\name:
        .endm

        .text
form absolute64
        movabsq $nobody, %rax
        retq
form absolute32
        movl    $nobody, %eax
        retq
form absolute32S
        movq    $nobody, %rax
        retq
form got
        movq    nobody@GOTPCREL(%rip), %rax
        retq
form got_no_rex
        movl    $-1, %eax
        movl    nobody@GOTPCREL(%rip), %eax
        retq
form got_test
        movl    $-1, %ecx
        xorl    %eax, %eax
        testq   %rcx, nobody@GOTPCREL(%rip)
        setne   %al
        retq
form got_compare
        xorl    %eax, %eax
        cmpq    nobody@GOTPCREL(%rip), %rax
        setne   %al
        retq
form got_push
        pushq   nobody@GOTPCREL(%rip)
        popq    %rax
        retq
form got_large
        leaq    _GLOBAL_OFFSET_TABLE_(%rip), %rcx
        movabsq $nobody@GOT, %rax
        movq    (%rcx,%rax), %rax
        retq
form data
        movq    pointer(%rip), %rax
        retq
form pc64
        leaq    here(%rip), %rax
here:   movabsq $nobody-here, %rcx
        addq    %rcx, %rax
        retq

        # Calls that are never made, but must link: each function gives 0 when `nobody` is 0.
        .macro  calling name, instruction:vararg
form \name
        movq    nobody@GOTPCREL(%rip), %rax
        testq   %rax, %rax
        je      1f
        \instruction
1:      retq
        .endm
calling call_plt, callq nobody@PLT
calling call_direct, callq nobody
calling jump_plt, jmp nobody@PLT
calling call_got, callq *nobody@GOTPCREL(%rip)
calling jump_got, jmp *nobody@GOTPCREL(%rip)

        .data
        .balign 8
pointer:
        .quad   nobody
        .section .note.GNU-stack, "", @progbits
