// callbacks.o: gcc -O2 -fPIC
// The C library calls linked code back: qsort, bsearch, a signal handler, threads, longjmp through its frames.

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf outside;
static volatile sig_atomic_t signals;

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

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

int main(void) {
  int numbers[] = {9, -4, 7, 0, 12, 3}, wanted = 7;
  enum { count = sizeof numbers / sizeof *numbers };
  qsort(numbers, count, sizeof *numbers, ascending);
  for (int i = 0; i < count; i++) printf("%d%c", numbers[i], i + 1 < count ? ' ' : '\n');
  int *found = bsearch(&wanted, numbers, count, sizeof *numbers, ascending);
  printf("%d is at %td\n", wanted, found - numbers);

  int code = setjmp(outside);
  if (code == 0) qsort(numbers, count, sizeof *numbers, leaving);
  printf("longjmp: %d\n", code);

  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  printf("signal handler: %s\n", signals == SIGUSR1 ? "called once" : "wrong");

  pthread_t threads[4];
  long total = 0;
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, sum, (void *)(1000 * (i + 1)));
  for (int i = 0; i < 4; i++) {
    void *part;
    pthread_join(threads[i], &part);
    total += (long)part;
  }
  printf("threads: %ld\n", total);
  return 0;
}
