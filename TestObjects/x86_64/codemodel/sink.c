// sink.o: gcc -O2 -fPIC
// The other unit of codemodel.c.

int sink(int x) { return x + 1000; }
int sinkThrough(int (*function)(int), int x) { return function(x) * 2; }
