// sieve.o: gcc -O2
// Counts the primes up to a number with the sieve of Eratosthenes.

#include <stdio.h>
#include <stdlib.h>

enum { largestLimit = 2000000000 };

// Reads a decimal number from 0 to `largestLimit`; -1 if `text` is something else.
static long parse(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  if (end == text || *end != '\0' || number < 0 || number > largestLimit) return -1;
  return number;
}

int main(int argc, char **argv) {
  long limit = argc == 2 ? parse(argv[1]) : -1;
  if (limit < 0) {
    fprintf(stderr, "usage: sieve LIMIT, a whole number up to %d\n", largestLimit);
    return 2;
  }
  // One byte for each odd number: composite[i] is about 2 * i + 1.
  unsigned char *composite = calloc(limit / 2 + 1, 1);
  if (!composite) {
    fprintf(stderr, "sieve: no memory for %ld numbers\n", limit);
    return 1;
  }
  long count = 0, largest = 0;
  if (limit >= 2) count = 1, largest = 2;
  for (long n = 3; n <= limit; n += 2) {
    if (composite[n / 2]) continue;
    count += 1;
    largest = n;
    if (n > limit / n) continue;
    for (long multiple = n * n; multiple <= limit; multiple += 2 * n) composite[multiple / 2] = 1;
  }
  free(composite);

  if (count == 0) printf("no primes up to %ld\n", limit);
  else if (count == 1) printf("1 prime up to %ld, the largest is %ld\n", limit, largest);
  else printf("%ld primes up to %ld, the largest is %ld\n", count, limit, largest);
  return 0;
}
