// The C library calls back into linked code: sorting, signals, threads, jumps past its frames.

#include "chapters.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static jmp_buf outside;
static volatile sig_atomic_t signals;
static int comparisons;

static int ascending(const void *a, const void *b) {
  comparisons++;
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}
static int leaving(const void *a, const void *b) {
  (void)a, (void)b;
  longjmp(outside, 5);
}
static void handler(int number) { signals += number; }
static void *sum(void *argument) {
  long total = 0;
  for (long i = 1; i <= (long)argument; i++) total += i;
  return (void *)total;
}

void callbacks(void) {
  puts("== callbacks");
  const char *words[] = {"stub", "address", "table", "of", "contents", "literal", "pool"};
  enum { count = sizeof words / sizeof *words };
  qsort(words, count, sizeof *words, ascending);
  for (int i = 0; i < count; i++) printf("%s ", words[i]);
  printf("(%s)\n", comparisons > 5 ? "compared" : "not compared");
  const char *wanted = "of";
  const char **found = bsearch(&wanted, words, count, sizeof *words, ascending);
  printf("found at %td\n", found - words);

  volatile int kept = 1;
  int code = setjmp(outside);
  if (code == 0) {
    kept = 2;
    qsort(words, count, sizeof *words, leaving);
  }
  printf("jumped: %d %d\n", code, kept);

  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  printf("signal: %d\n", signals == SIGUSR1);

  pthread_t threads[3];
  long total = 0;
  for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, sum, (void *)(1000 * (i + 1)));
  for (int i = 0; i < 3; i++) {
    void *part;
    pthread_join(threads[i], &part);
    total += (long)part;
  }
  printf("threads: %ld\n", total);
}
