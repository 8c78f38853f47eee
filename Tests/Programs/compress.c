// archives: libz.a
// flags: -O2
// Compresses and decompresses 1 MB of generated text at every level, in one call and as a stream.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { size = 1 << 20 };

// Sentences of words that a small generator of random numbers picks.
static void writeText(unsigned char *text) {
  static const char *const words[] = {"linker ", "symbol ", "section ", "the ", "a ", "relocates ", "defines ",
                                      "address ", "of ", "and ", "archive.\n", "0x7fff0010 ", "page "};
  unsigned state = 12345;
  for (int at = 0; at < size;) {
    state = state * 1103515245 + 12345;
    const char *word = words[(state >> 16) % (sizeof words / sizeof *words)];
    for (; *word && at < size; word++) text[at++] = *word;
  }
}

static void require(int condition, const char *what) {
  if (condition) return;
  printf("failed: %s\n", what);
  exit(1);
}

// Through deflate and inflate, with a buffer of 1000 bytes between them.
static void stream(const unsigned char *text, unsigned char *back, int windowBits, const char *format) {
  z_stream deflating = {0}, inflating = {0};
  require(deflateInit2(&deflating, 6, Z_DEFLATED, windowBits, 9, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
  require(inflateInit2(&inflating, windowBits) == Z_OK, "inflateInit2");
  deflating.next_in = (unsigned char *)text;
  deflating.avail_in = size;
  inflating.next_out = back;
  inflating.avail_out = size;
  unsigned char between[1000];
  int status;
  do {
    deflating.next_out = between;
    deflating.avail_out = sizeof between;
    status = deflate(&deflating, Z_FINISH);
    inflating.next_in = between;
    inflating.avail_in = sizeof between - deflating.avail_out;
    int inflated = inflate(&inflating, Z_NO_FLUSH);
    require(inflated == Z_OK || inflated == Z_STREAM_END || inflated == Z_BUF_ERROR, "inflate");
  } while (status == Z_OK);
  require(status == Z_STREAM_END && inflating.total_out == size, "end of stream");
  require(memcmp(text, back, size) == 0, "same text from the stream");
  printf("%s: %lu bytes\n", format, deflating.total_out);
  deflateEnd(&deflating);
  inflateEnd(&inflating);
}

int main(void) {
  unsigned char *text = malloc(size), *back = malloc(size), *packed = malloc(compressBound(size));
  writeText(text);
  printf("zlib %s, crc32 %08lx, adler32 %08lx\n", zlibVersion(), crc32(0, text, size), adler32(1, text, size));
  for (int level = 0; level <= 9; level++) {
    uLongf packedSize = compressBound(size), backSize = size;
    require(compress2(packed, &packedSize, text, size, level) == Z_OK, "compress2");
    memset(back, 0, size);
    require(uncompress(back, &backSize, packed, packedSize) == Z_OK && backSize == size, "uncompress");
    require(memcmp(text, back, size) == 0, "same text");
    printf("level %d: %lu bytes, crc32 %08lx\n", level, packedSize, crc32(0, packed, packedSize));
  }
  stream(text, back, 15, "zlib");
  stream(text, back, -15, "raw");
  stream(text, back, 31, "gzip");

  packed[0] ^= 0xff;
  uLongf backSize = size;
  printf("damaged: %s\n", zError(uncompress(back, &backSize, packed, 1000)));
  printf("combined crc32: %d\n",
         crc32_combine(crc32(0, text, 1000), crc32(0, text + 1000, size - 1000), size - 1000) == crc32(0, text, size));
  free(packed), free(back), free(text);
  return 0;
}
