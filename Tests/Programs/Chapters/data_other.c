// The other unit of data.c.

#include <stddef.h>

__attribute__((common)) int dataCommon[100];
int dataBeyond[500000] = {4};

int *dataCommonOfOther(void);
int *dataBeyondOfOther(int index);

int *dataCommonOfOther(void) { return dataCommon; }
int *dataBeyondOfOther(int index) { return index == 400000 ? &dataBeyond[400000] : &dataBeyond[index]; }
