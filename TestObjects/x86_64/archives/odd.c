// odd.o: gcc -O2 -fPIC
int isEven(unsigned);
extern int membersLoaded;
__attribute__((constructor)) static void loaded(void) { membersLoaded++; }
int isOdd(unsigned x) { return x == 0 ? 0 : isEven(x - 1); }
