# routines.o: powerpc64le-linux-gnu-gcc -mcpu=power10
# Routines that GCC expects the linker to make when it compiles for size.
  .text
  .globl start
start:
# weld-check: *{4}_savegpr0_29 = 0xfba1ffe8
# weld-check: *{4}(_savegpr0_29+12) = 0xf8010010
  bl _savegpr0_29
# weld-check: *{4}_restvr_31 = 0x3980fff0
  bl _restvr_31
# weld-check: (*{4}_restfpr_14) = 0xc9c1ff70
  b _restfpr_14
