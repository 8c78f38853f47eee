// Cleanups of C code while a thread exits from below, and the frames that _Unwind_Backtrace sees. A thread that is
// cancelled in a system call would be unwound through a frame of a signal, which does not always work under QEMU.

#include <pthread.h>
#include <stdio.h>
#include <unwind.h>

static void cleanup(int *value) { printf("cleaned up %d\n", *value); }

static __attribute__((noinline)) void leave(int depth) {
  __attribute__((cleanup(cleanup))) int value = depth * 11;
  if (depth == 0) pthread_exit(&leave);
  leave(depth - 1);
}

static void *leaving(void *argument) {
  leave(*(int *)argument);
  return NULL;
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
  int depth = 2;
  void *result;
  pthread_create(&thread, NULL, leaving, &depth);
  pthread_join(thread, &result);
  puts(result == &leave ? "left" : "returned");
  return 0;
}
