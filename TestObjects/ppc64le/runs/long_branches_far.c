// The unit of long_branches.c that lies behind the gap.

static int far = 11;
int nearFunction(int);
int farFunction(int);
int farTail(int);
int (*farAddress(void))(int);
int farCallsBack(int (*)(int), int);

int farFunction(int x) { return nearFunction(x) + far; }
int farTail(int x) { return nearFunction(x + far); }
int (*farAddress(void))(int) { return farFunction; }
int farCallsBack(int (*function)(int), int x) { return function(x) + far + nearFunction(x); }
