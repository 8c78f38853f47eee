# s390x.o: s390x-linux-gnu-gcc -march=z13
# What Weld puts into executors for calls through stubs: Tests/WeldORCTests/Lazy/IndirectionCodeTests.swift compares.

	.section .text.resolver, "ax"
block:	.skip 40
	stmg %r2, %r15, 16(%r15)
	std %f0, 128(%r15)
	std %f2, 136(%r15)
	std %f4, 144(%r15)
	std %f6, 152(%r15)
	lay %r15, -320(%r15)
	stg %r0, 160(%r15)
	aghi %r1, -6
	stg %r1, 168(%r15)
	larl %r7, block
	lg %r8, 32(%r7)
	tmll %r8, 0x800
	je 1f
	vstm %v24, %v31, 192(%r15)
1:	la %r2, 176(%r15)
	lg %r3, 8(%r7)
	lg %r4, 16(%r7)
	la %r5, 168(%r15)
	lghi %r6, 8
	lg %r1, 0(%r7)
	basr %r14, %r1
	lg %r1, 24(%r7)
	lghi %r0, 8
	cg %r0, 184(%r15)
	jne 2f
	lg %r1, 176(%r15)
2:	tmll %r8, 0x800
	je 3f
	vlm %v24, %v31, 192(%r15)
3:	lg %r0, 160(%r15)
	lay %r15, 320(%r15)
	ld %f0, 128(%r15)
	ld %f2, 136(%r15)
	ld %f4, 144(%r15)
	ld %f6, 152(%r15)
	lmg %r2, %r15, 16(%r15)
	br %r1

	.section .text.stub, "ax"
stub:	lgrl %r1, stub+0x12340
	br %r1

	.section .text.trampoline, "ax"
trampoline:
	brasl %r1, trampoline-0x1230
	bcr 0, %r0
