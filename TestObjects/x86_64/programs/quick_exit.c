// quick_exit.o: gcc -O2
// at_quick_exit, pthread_atfork and atexit: functions that libc.so does not export.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *where = "nowhere";

static void prepare(void) { puts("before fork"); fflush(stdout); }
static void inParent(void) { where = "parent"; }
static void inChild(void) { where = "child"; }
static void quickly(void) { puts("quickly"); fflush(stdout); }
static void never(void) { puts("never"); fflush(stdout); }

int main(void) {
  atexit(never);
  at_quick_exit(quickly);
  pthread_atfork(prepare, inParent, inChild);

  pid_t child = fork();
  if (child == 0) {
    printf("after fork: %s\n", where);
    fflush(stdout);
    _exit(7);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("after fork: %s, the child's status is %d\n", where, WEXITSTATUS(status));
  fflush(stdout);
  quick_exit(3);
}
