// boundaries.o: gcc -O2
// The symbols that a linker defines around the arrays of constructors and destructors.

#include <stdio.h>

typedef void Function(void);
extern Function *__preinit_array_start[] __attribute__((visibility("hidden")));
extern Function *__preinit_array_end[] __attribute__((visibility("hidden")));
extern Function *__init_array_start[] __attribute__((visibility("hidden")));
extern Function *__init_array_end[] __attribute__((visibility("hidden")));
extern Function *__fini_array_start[] __attribute__((visibility("hidden")));
extern Function *__fini_array_end[] __attribute__((visibility("hidden")));
extern char __TMC_END__[] __attribute__((weak, visibility("hidden")));
extern char _GLOBAL_OFFSET_TABLE_[] __attribute__((visibility("hidden")));
extern char __dso_handle[] __attribute__((visibility("hidden")));

static int runs;
__attribute__((constructor)) static void before(void) { runs++; }
__attribute__((destructor)) static void after(void) { runs--; }

static int count(Function **start, Function **end, Function *wanted) {
  int found = 0;
  for (; start < end; start++) found += *start == wanted;
  return found;
}

int main(void) {
  printf("before is %d time in .init_array and has run %d time\n",
         count(__init_array_start, __init_array_end, before), runs);
  printf("after is %d time in .fini_array\n", count(__fini_array_start, __fini_array_end, after));
  printf(".preinit_array has %td entries\n", __preinit_array_end - __preinit_array_start);
  printf("__TMC_END__ may be anything: %d\n", __TMC_END__ != (char *)1);
  printf("_GLOBAL_OFFSET_TABLE_ is %s\n", _GLOBAL_OFFSET_TABLE_ ? "somewhere" : "null");
  printf("__dso_handle is %s\n", __dso_handle ? "somewhere" : "null");
  return 0;
}
