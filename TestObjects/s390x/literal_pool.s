# literal_pool.o: s390x-linux-gnu-gcc -march=z14
# Addresses, distances and offsets from the GOT as data, in big-endian order.
  .text
  .globl start
start:
  larl %r12, _GLOBAL_OFFSET_TABLE_
  br %r14
  .data
  .globl pool, value
# weld-check: *{8}pool = value
# weld-check: *{8}(pool+8) = value - pool - 8
# weld-check: *{8}(pool+16) = value - _GLOBAL_OFFSET_TABLE_
# weld-check: *{8}(pool+24) = value - _GLOBAL_OFFSET_TABLE_
# weld-check: *{8}(pool+32) = got_addr(literal_pool.o, value) - _GLOBAL_OFFSET_TABLE_
# weld-check: *{4}(pool+40) = (value - pool - 40)[31:0]
# weld-check: *{1}pool = value[63:56]
# weld-check: *{1}(pool+7) = value[7:0]
pool: .quad value, value - ., value@GOTOFF, value@PLTOFF, value@GOT
  .long value - .
value: .quad 0
