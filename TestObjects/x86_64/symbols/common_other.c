// common_other.o: gcc -O2 -fcommon
// The other unit of common.c.

int small[50];
char aligned[3] __attribute__((aligned(2)));
int initialized = 77;

int *smallOfOther(void) { return small; }

// Writes all 50 and reads them again: nothing else may lie in the same place.
long fill(void) {
  long sum = 0;
  for (int i = 0; i < 50; i++) small[i] = i;
  for (int i = 0; i < 50; i++) sum += small[i];
  return sum;
}
