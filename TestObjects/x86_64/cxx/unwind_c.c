// unwind_c.o: gcc -O2 -fPIC -fexceptions
// A cleanup of C code while a thread is cancelled, and the frames that _Unwind_Backtrace sees.

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <unwind.h>

static void cleanup(int *value) { printf("cleaned up %d\n", *value); }

static void *waiting(void *argument) {
  __attribute__((cleanup(cleanup))) int value = *(int *)argument;
  for (;;) pause();
}

static int inner(void);
static int outer(void);
static const void *wanted[] = {inner, outer};

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument) {
  void *function = _Unwind_FindEnclosingFunction((void *)(_Unwind_GetIP(context) - 1));
  for (int i = 0; i < 2; i++)
    if (function == wanted[i]) *(int *)argument |= 1 << i;
  return _URC_NO_REASON;
}

static __attribute__((noinline)) int inner(void) {
  int seen = 0;
  _Unwind_Backtrace(visit, &seen);
  return seen;
}
static __attribute__((noinline)) int outer(void) {
  volatile int seen = inner();
  return seen;
}

int main(void) {
  printf("frames seen: %d\n", outer());

  pthread_t thread;
  int value = 11;
  void *result;
  pthread_create(&thread, NULL, waiting, &value);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  puts(result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
  return 0;
}
