// general_dynamic.o: gcc -O2 -fPIC -ftls-model=global-dynamic
// local_dynamic.o: gcc -O2 -fPIC -ftls-model=local-dynamic
// initial_exec.o: gcc -O2 -fPIC -ftls-model=initial-exec
// local_exec.o: gcc -O2 -fPIE -ftls-model=local-exec
// descriptor.o: gcc -O2 -fPIC -ftls-model=global-dynamic -mtls-dialect=gnu2
// Thread-local variables in each model, initialized and zero, in two threads.

#include <pthread.h>
#include <stdio.h>

__thread int counter = 5;
__thread long zeros[4];

__attribute__((noinline)) static void count(void) {
  counter++;
  zeros[3] += counter;
}

static void *work(void *argument) {
  (void)argument;
  for (int i = 0; i < 10; i++) count();
  printf("thread: %d %ld\n", counter, zeros[3]);
  return NULL;
}

int main(void) {
  pthread_t thread;
  count();
  pthread_create(&thread, NULL, work, NULL);
  pthread_join(thread, NULL);
  printf("main: %d %ld\n", counter, zeros[3]);
  return 0;
}
