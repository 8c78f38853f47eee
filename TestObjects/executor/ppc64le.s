# ppc64le.o: powerpc64le-linux-gnu-gcc -nostdlib
# What Weld puts into executors for ppc64le: Tests/WeldRemoteTests/ExecutorRoutinesTests.swift compares.
	.abiversion 2

	.section .text.call, "ax"
	mflr 0
	std 0, 16(1)
	std 27, -40(1)
	std 28, -32(1)
	std 29, -24(1)
	std 30, -16(1)
	std 31, -8(1)
	stdu 1, -144(1)
	std 2, 24(1)
	mr 31, 3
	add 30, 3, 4
	ld 29, 8(31)
	ld 12, 0(31)
	mtctr 12
	mr 3, 29
	bctrl
	ld 2, 24(1)
	mr 28, 3
	mr 27, 3
	li 4, 0
	cmpdi 3, 0
	beq 3f
	addi 31, 31, 16
	b 2f
1:	ld 12, 0(31)
	mtctr 12
	ld 3, 8(31)
	and 3, 3, 28
	ld 0, 16(31)
	add 3, 3, 0
	ld 4, 24(31)
	and 4, 4, 28
	ld 0, 32(31)
	add 4, 4, 0
	ld 5, 40(31)
	and 5, 5, 28
	ld 0, 48(31)
	add 5, 5, 0
	ld 6, 56(31)
	and 6, 6, 28
	ld 0, 64(31)
	add 6, 6, 0
	ld 7, 72(31)
	and 7, 7, 28
	ld 0, 80(31)
	add 7, 7, 0
	ld 8, 88(31)
	and 8, 8, 28
	ld 0, 96(31)
	add 8, 8, 0
	bctrl
	ld 2, 24(1)
	std 3, 0(27)
	addi 27, 27, 8
	addi 31, 31, 104
2:	cmpld 31, 30
	blt 1b
	mr 3, 28
	mr 4, 29
3:	addi 1, 1, 144
	ld 0, 16(1)
	mtlr 0
	ld 27, -40(1)
	ld 28, -32(1)
	ld 29, -24(1)
	ld 30, -16(1)
	ld 31, -8(1)
	blr

	.section .text.report, "ax"
	mflr 0
	std 0, 16(1)
	std 31, -8(1)
	stdu 1, -128(1)
	std 2, 24(1)
	mr 31, 3
	stw 4, 96(1)
	ld 12, 24(31)
	mtctr 12
	bctrl
	ld 2, 24(1)
	lwz 0, 32(31)
	cmpw 3, 0
	bne 1f
	ld 12, 0(31)
	mtctr 12
	ld 3, 8(31)
	ld 4, 16(31)
	addi 5, 1, 96
	li 6, 4
	bctrl
	ld 2, 24(1)
1:	addi 1, 1, 128
	ld 0, 16(1)
	mtlr 0
	ld 31, -8(1)
	blr

	.section .text.succeed, "ax"
	li 3, 0
	li 4, 1
	blr

	.section .text.start, "ax"
	mflr 0
	std 0, 16(1)
	std 31, -8(1)
	stdu 1, -112(1)
	std 2, 24(1)
	mr 31, 3
	ld 3, 8(31)
	ld 4, 16(31)
	ld 5, 24(31)
	ld 5, 0(5)
	ld 12, 0(31)
	mtctr 12
	bctrl
	ld 2, 24(1)
	ld 12, 32(31)
	cmpdi 12, 0
	beq 1f
	mtctr 12
	bctrl
1:	addi 1, 1, 112
	ld 0, 16(1)
	mtlr 0
	ld 31, -8(1)
	blr
