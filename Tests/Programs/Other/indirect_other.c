// The other unit of indirect.c.

typedef int Function(int);
int jump(int);
int preferred(void);
int callFromOther(int);
Function *addressFromOther(void);

static int preference = 1;
int preferred(void) { return preference; }
int callFromOther(int x) { return jump(x) * 2; }
Function *addressFromOther(void) { return jump; }
