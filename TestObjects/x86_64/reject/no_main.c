// no_main.o: gcc -O2 -fPIC
// Nothing to run: `mian` is the nearest to `main`.
int mian(void) { return 0; }
