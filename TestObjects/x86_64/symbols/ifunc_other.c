// ifunc_other.o: gcc -O2
// ifunc_other_pic.o: gcc -O2 -fPIC
// The other unit of ifunc.c: here the functions are undefined symbols without a type.

int triple(int);
int jump(int);

typedef int Function(int);
static Function *const table[] = {triple, jump};

int preferred(void) { return 1; }
Function *addressInOther(void) { return triple; }
int callInOther(int x) { return triple(x); }
int viaOtherTable(int x) { return table[1](table[0](x)); }
