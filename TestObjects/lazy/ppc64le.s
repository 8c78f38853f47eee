# ppc64le.o: powerpc64le-linux-gnu-gcc -nostdlib
# What Weld puts into executors for calls through stubs: Tests/WeldORCTests/Lazy/IndirectionCodeTests.swift compares.
	.abiversion 2

	.section .text.resolver, "ax"
block:	.skip 40
	mflr 12
	mtlr 0
	std 0, 16(1)
	stdu 1, -512(1)
	std 2, 24(1)
	std 11, 96(1)
	addi 12, 12, -8
	std 12, 104(1)
	std 3, 112(1)
	std 4, 120(1)
	std 5, 128(1)
	std 6, 136(1)
	std 7, 144(1)
	std 8, 152(1)
	std 9, 160(1)
	std 10, 168(1)
	stfd 1, 176(1)
	stfd 2, 184(1)
	stfd 3, 192(1)
	stfd 4, 200(1)
	stfd 5, 208(1)
	stfd 6, 216(1)
	stfd 7, 224(1)
	stfd 8, 232(1)
	stfd 9, 240(1)
	stfd 10, 248(1)
	stfd 11, 256(1)
	stfd 12, 264(1)
	stfd 13, 272(1)
	li 12, 288
	stvx 2, 12, 1
	li 12, 304
	stvx 3, 12, 1
	li 12, 320
	stvx 4, 12, 1
	li 12, 336
	stvx 5, 12, 1
	li 12, 352
	stvx 6, 12, 1
	li 12, 368
	stvx 7, 12, 1
	li 12, 384
	stvx 8, 12, 1
	li 12, 400
	stvx 9, 12, 1
	li 12, 416
	stvx 10, 12, 1
	li 12, 432
	stvx 11, 12, 1
	li 12, 448
	stvx 12, 12, 1
	li 12, 464
	stvx 13, 12, 1
	std 31, 480(1)
	bcl 20, 31, 1f
1:	mflr 31
	addi 31, 31, block-1b
	ld 12, 0(31)
	mtctr 12
	ld 3, 8(31)
	ld 4, 16(31)
	addi 5, 1, 104
	li 6, 8
	bctrl
	ld 2, 24(1)
	ld 12, 24(31)
	cmpdi 4, 8
	bne 2f
	mr 12, 3
2:	mtctr 12
	li 11, 288
	lvx 2, 11, 1
	li 11, 304
	lvx 3, 11, 1
	li 11, 320
	lvx 4, 11, 1
	li 11, 336
	lvx 5, 11, 1
	li 11, 352
	lvx 6, 11, 1
	li 11, 368
	lvx 7, 11, 1
	li 11, 384
	lvx 8, 11, 1
	li 11, 400
	lvx 9, 11, 1
	li 11, 416
	lvx 10, 11, 1
	li 11, 432
	lvx 11, 11, 1
	li 11, 448
	lvx 12, 11, 1
	li 11, 464
	lvx 13, 11, 1
	lfd 1, 176(1)
	lfd 2, 184(1)
	lfd 3, 192(1)
	lfd 4, 200(1)
	lfd 5, 208(1)
	lfd 6, 216(1)
	lfd 7, 224(1)
	lfd 8, 232(1)
	lfd 9, 240(1)
	lfd 10, 248(1)
	lfd 11, 256(1)
	lfd 12, 264(1)
	lfd 13, 272(1)
	ld 3, 112(1)
	ld 4, 120(1)
	ld 5, 128(1)
	ld 6, 136(1)
	ld 7, 144(1)
	ld 8, 152(1)
	ld 9, 160(1)
	ld 10, 168(1)
	ld 11, 96(1)
	ld 31, 480(1)
	addi 1, 1, 512
	ld 0, 16(1)
	mtlr 0
	bctr

	.set slot, 0x123456789abcdef0
	.section .text.stub, "ax"
	lis 12, (slot+0x8000)@highest
	ori 12, 12, (slot+0x8000)@higher
	sldi 12, 12, 32
	oris 12, 12, (slot+0x8000)@high
	ld 12, slot@l(12)
	mtctr 12
	bctr
	nop

	.section .text.trampoline, "ax"
trampoline:
	mflr 0
	bl trampoline-0x1230
