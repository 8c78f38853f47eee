// unneeded.o: gcc -O2 -fPIC
// A member that nobody needs: only --whole-archive links it.
void nowhereDefined(void);
extern int membersLoaded;
void (*unneeded)(void) = nowhereDefined;
__attribute__((constructor)) static void loaded(void) { membersLoaded += 100; }
