// even.o: gcc -O2 -fPIC
int isOdd(unsigned);
extern int membersLoaded;
__attribute__((constructor)) static void loaded(void) { membersLoaded++; }
int isEven(unsigned x) { return x == 0 ? 1 : isOdd(x - 1); }
