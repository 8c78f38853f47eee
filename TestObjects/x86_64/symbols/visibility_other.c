// visibility_other.o: gcc -O2 -fPIC
// The other unit of visibility.c.

__attribute__((visibility("hidden"))) int hiddenData = 10;
__attribute__((visibility("hidden"))) int hiddenFunction(void) { return hiddenData * 2; }
__attribute__((visibility("protected"))) int protectedData = 30;
__attribute__((visibility("protected"))) int protectedFunction(void) { return protectedData * 2; }
__attribute__((visibility("internal"))) int internalFunction(void) { return 50; }
int plainThere = 60;

static int equal = 2;
static __attribute__((noinline)) int equalFunction(void) { return equal; }
int equalOfOther(void) { return equalFunction(); }
int (*addressInOther(void))(void) { return protectedFunction; }
