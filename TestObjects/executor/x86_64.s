# x86_64.o: gcc -nostdlib
# What Weld puts into executors for x86_64: Tests/WeldRemoteTests/ExecutorRoutinesTests.swift compares.

	.section .text.call, "ax"
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	mov %rdi, %rbx
	lea (%rdi, %rsi), %rbp
	mov 8(%rbx), %r14
	mov %r14, %rdi
	call *(%rbx)
	mov %rax, %r12
	mov %rax, %r13
	test %rax, %rax
	je 3f
	add $16, %rbx
1:	cmp %rbp, %rbx
	jae 2f
	mov 8(%rbx), %rdi
	and %r12, %rdi
	add 16(%rbx), %rdi
	mov 24(%rbx), %rsi
	and %r12, %rsi
	add 32(%rbx), %rsi
	mov 40(%rbx), %rdx
	and %r12, %rdx
	add 48(%rbx), %rdx
	mov 56(%rbx), %rcx
	and %r12, %rcx
	add 64(%rbx), %rcx
	mov 72(%rbx), %r8
	and %r12, %r8
	add 80(%rbx), %r8
	mov 88(%rbx), %r9
	and %r12, %r9
	add 96(%rbx), %r9
	xor %eax, %eax
	call *(%rbx)
	mov %rax, (%r13)
	add $8, %r13
	add $104, %rbx
	jmp 1b
2:	mov %r12, %rax
	mov %r14, %rdx
	jmp 4f
3:	xor %edx, %edx
4:	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.section .text.report, "ax"
	push %rbx
	sub $16, %rsp
	mov %rdi, %rbx
	mov %esi, 8(%rsp)
	call *24(%rbx)
	cmp 32(%rbx), %eax
	jne 1f
	mov 8(%rbx), %rdi
	mov 16(%rbx), %rsi
	lea 8(%rsp), %rdx
	mov $4, %ecx
	call *(%rbx)
1:	add $16, %rsp
	pop %rbx
	ret

	.section .text.succeed, "ax"
	xor %eax, %eax
	mov $1, %edx
	ret

	.section .text.start, "ax"
	push %rbx
	mov %rdi, %rbx
	mov 8(%rbx), %rdi
	mov 16(%rbx), %rsi
	mov 24(%rbx), %rdx
	mov (%rdx), %rdx
	call *(%rbx)
	mov 32(%rbx), %rdx
	test %rdx, %rdx
	je 1f
	mov %eax, %edi
	call *%rdx
1:	pop %rbx
	ret
