# x86_64.o: gcc -nostdlib
# What Weld puts into executors for calls through stubs: Tests/WeldORCTests/Lazy/IndirectionCodeTests.swift compares.

	.section .text.resolver, "ax"
block:	.skip 40
	push %rbp
	mov %rsp, %rbp
	push %rbx
	and $-64, %rsp
	sub $2816, %rsp
	mov %rdi, 2688(%rsp)
	mov %rsi, 2696(%rsp)
	mov %rdx, 2704(%rsp)
	mov %rcx, 2712(%rsp)
	mov %r8, 2720(%rsp)
	mov %r9, 2728(%rsp)
	mov %rax, 2736(%rsp)
	mov %r10, 2744(%rsp)
	mov %r11, 2752(%rsp)
	mov $1, %eax
	cpuid
	mov %ecx, %ebx
	and $0x8000000, %ebx
	je 1f
	xor %eax, %eax
	lea 512(%rsp), %rdi
	mov $8, %ecx
	rep stosq
	xor %edx, %edx
	mov $0xe6, %eax
	xsave (%rsp)
	jmp 2f
1:	fxsave64 (%rsp)
2:	mov block+8(%rip), %rdi
	mov block+16(%rip), %rsi
	lea 2752(%rsp), %rdx
	mov $8, %ecx
	call *block(%rip)
	mov block+24(%rip), %r11
	cmp $8, %rdx
	cmove %rax, %r11
	test %ebx, %ebx
	je 3f
	xor %edx, %edx
	mov $0xe6, %eax
	xrstor (%rsp)
	jmp 4f
3:	fxrstor64 (%rsp)
4:	mov 2688(%rsp), %rdi
	mov 2696(%rsp), %rsi
	mov 2704(%rsp), %rdx
	mov 2712(%rsp), %rcx
	mov 2720(%rsp), %r8
	mov 2728(%rsp), %r9
	mov 2736(%rsp), %rax
	mov 2744(%rsp), %r10
	mov -8(%rbp), %rbx
	leave
	jmp *%r11

	.section .text.stub, "ax"
stub:	jmp *stub+0x12340(%rip)
	int3
	int3

	.section .text.trampoline, "ax"
trampoline:
	lea trampoline(%rip), %r11
	jmp trampoline-0x1230
	int3
	int3
	int3
	int3
