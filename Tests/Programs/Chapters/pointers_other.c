// The other unit of pointers.c.

#include <stdio.h>
#include <stdlib.h>

typedef int Function(int);
int pointersHere(int);
int pointersOther(int);
int pointersBack(int);
int pointersWeak(int);
Function *pointersAddress(int which);
int pointersThrough(Function *function, int value);
const void *pointersStream(void);

__attribute__((visibility("hidden"))) int pointersHidden = 40;
__attribute__((visibility("hidden"))) int pointersHiddenFunction(int x) { return pointersHidden + x; }

int pointersOther(int x) { return pointersHere(x) * 10; }
int pointersWeak(int x) { return x + 1000; }
Function *pointersAddress(int which) { return which == 0 ? pointersHere : which == 1 ? pointersOther : abs; }
// What follows the call needs the table of contents again.
int pointersThrough(Function *function, int value) {
  int result = function(value) + pointersHidden;
  return result + pointersHere(value);
}
const void *pointersStream(void) { return stdout; }
