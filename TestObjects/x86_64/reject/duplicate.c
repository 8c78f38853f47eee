// duplicate_a.o: gcc -O2 -fPIC
// duplicate_b.o: gcc -O2 -fPIC
// Each object can be linked; together they define `main` and `shared` twice.
int shared = 1;
int main(void) { return shared; }
