# s390x.o: s390x-linux-gnu-gcc -march=z10
# What Weld puts into executors for s390x: Tests/WeldRemoteTests/ExecutorRoutinesTests.swift compares.

	.section .text.call, "ax"
	stmg %r6, %r15, 48(%r15)
	lay %r15, -168(%r15)
	lgr %r13, %r2
	lgr %r7, %r3
	la %r8, 0(%r4, %r3)
	lg %r9, 8(%r7)
	lgr %r2, %r9
	lg %r1, 0(%r7)
	basr %r14, %r1
	lgr %r10, %r2
	lgr %r11, %r2
	ltgr %r2, %r2
	jne 1f
	lghi %r9, 0
1:	stg %r2, 0(%r13)
	stg %r9, 8(%r13)
	je 4f
	la %r7, 16(%r7)
	j 3f
2:	lg %r2, 8(%r7)
	ngr %r2, %r10
	ag %r2, 16(%r7)
	lg %r3, 24(%r7)
	ngr %r3, %r10
	ag %r3, 32(%r7)
	lg %r4, 40(%r7)
	ngr %r4, %r10
	ag %r4, 48(%r7)
	lg %r5, 56(%r7)
	ngr %r5, %r10
	ag %r5, 64(%r7)
	lg %r6, 72(%r7)
	ngr %r6, %r10
	ag %r6, 80(%r7)
	lg %r0, 88(%r7)
	ngr %r0, %r10
	ag %r0, 96(%r7)
	stg %r0, 160(%r15)
	lg %r1, 0(%r7)
	basr %r14, %r1
	stg %r2, 0(%r11)
	la %r11, 8(%r11)
	la %r7, 104(%r7)
3:	clgr %r7, %r8
	jl 2b
4:	lgr %r2, %r13
	lmg %r6, %r15, 216(%r15)
	br %r14

	.section .text.report, "ax"
	stmg %r6, %r15, 48(%r15)
	lay %r15, -184(%r15)
	lgr %r7, %r2
	st %r3, 176(%r15)
	lg %r1, 24(%r7)
	basr %r14, %r1
	c %r2, 36(%r7)
	jne 1f
	lg %r1, 0(%r7)
	lg %r3, 8(%r7)
	lg %r4, 16(%r7)
	la %r5, 176(%r15)
	lghi %r6, 4
	la %r2, 160(%r15)
	basr %r14, %r1
1:	lmg %r6, %r15, 232(%r15)
	br %r14

	.section .text.succeed, "ax"
	lghi %r0, 0
	stg %r0, 0(%r2)
	lghi %r0, 1
	stg %r0, 8(%r2)
	br %r14

	.section .text.start, "ax"
	stmg %r6, %r15, 48(%r15)
	lay %r15, -160(%r15)
	lgr %r7, %r2
	lg %r2, 8(%r7)
	lg %r3, 16(%r7)
	lg %r4, 24(%r7)
	lg %r4, 0(%r4)
	lg %r1, 0(%r7)
	basr %r14, %r1
	lg %r1, 32(%r7)
	ltgr %r1, %r1
	je 1f
	basr %r14, %r1
1:	lmg %r6, %r15, 208(%r15)
	br %r14
