// archives: liblzma.a
// flags: -O2
// libraries: -lpthread
// Compresses and decompresses with every kind of check, filter chain and a memory limit.

#include <inttypes.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { size = 300000 };
static uint8_t text[size], packed[size * 2], back[size];

static void require(int condition, const char *what) {
  if (condition) return;
  printf("failed: %s\n", what);
  exit(1);
}

static void roundTrip(const char *name, lzma_filter *filters, lzma_check check) {
  size_t packedSize = 0, position = 0, backSize = 0;
  require(lzma_stream_buffer_encode(filters, check, NULL, text, size, packed, &packedSize, sizeof packed) == LZMA_OK,
          name);
  uint64_t limit = UINT64_MAX;
  memset(back, 0, size);
  require(lzma_stream_buffer_decode(&limit, 0, NULL, packed, &position, packedSize, back, &backSize, size) == LZMA_OK,
          "decode");
  require(backSize == size && memcmp(text, back, size) == 0, "same text");
  printf("%s: %zu bytes, crc64 %016" PRIx64 "\n", name, packedSize, lzma_crc64(packed, packedSize, 0));

  packed[packedSize / 2] ^= 1;
  position = backSize = 0;
  lzma_ret damaged = lzma_stream_buffer_decode(&limit, 0, NULL, packed, &position, packedSize, back, &backSize, size);
  require(damaged == LZMA_DATA_ERROR, "damage is seen");
}

int main(void) {
  unsigned state = 1;
  for (int i = 0; i < size; i++) {
    state = state * 69069 + 1;
    text[i] = state >> 24;
    if (i % 64 < 48) text[i] = "call 0x00401000; mov rax, [rip + 0x2000]; ret\n .."[i % 48];
  }
  printf("liblzma %s, crc32 %08" PRIx32 ", crc64 %016" PRIx64 "\n", lzma_version_string(), lzma_crc32(text, size, 0),
         lzma_crc64(text, size, 0));

  lzma_options_lzma fast, best;
  lzma_options_delta delta = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 64};
  lzma_lzma_preset(&fast, 1);
  lzma_lzma_preset(&best, 9 | LZMA_PRESET_EXTREME);
  lzma_filter fastChain[] = {{LZMA_FILTER_LZMA2, &fast}, {LZMA_VLI_UNKNOWN, NULL}};
  lzma_filter bestChain[] = {{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &best}, {LZMA_VLI_UNKNOWN, NULL}};
  lzma_filter deltaChain[] = {{LZMA_FILTER_DELTA, &delta}, {LZMA_FILTER_LZMA2, &fast}, {LZMA_VLI_UNKNOWN, NULL}};
  roundTrip("fast, CRC32", fastChain, LZMA_CHECK_CRC32);
  roundTrip("best behind x86, CRC64", bestChain, LZMA_CHECK_CRC64);
  roundTrip("delta, SHA-256", deltaChain, LZMA_CHECK_SHA256);

  // As a stream, with two threads and blocks.
  lzma_stream stream = LZMA_STREAM_INIT;
  lzma_mt threads = {.threads = 2, .block_size = 100000, .preset = 3, .check = LZMA_CHECK_CRC64};
  require(lzma_stream_encoder_mt(&stream, &threads) == LZMA_OK, "encoder with threads");
  stream.next_in = text;
  stream.avail_in = size;
  stream.next_out = packed;
  stream.avail_out = sizeof packed;
  require(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END, "stream");
  size_t packedSize = stream.total_out;
  lzma_end(&stream);
  printf("threads: %zu bytes\n", packedSize);

  require(lzma_stream_decoder(&stream, UINT64_MAX, LZMA_CONCATENATED) == LZMA_OK, "decoder");
  stream.next_in = packed;
  stream.avail_in = packedSize;
  stream.next_out = back;
  stream.avail_out = size;
  require(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END && memcmp(text, back, size) == 0, "decoded");
  lzma_end(&stream);

  require(lzma_stream_decoder(&stream, 1000, 0) == LZMA_OK, "decoder with a limit");
  stream.next_in = packed;
  stream.avail_in = packedSize;
  stream.next_out = back;
  stream.avail_out = size;
  printf("limited memory: %s\n", lzma_code(&stream, LZMA_RUN) == LZMA_MEMLIMIT_ERROR ? "refused" : "accepted");
  lzma_end(&stream);
  return 0;
}
