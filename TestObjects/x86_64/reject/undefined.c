// undefined.o: gcc -O2 -fPIC
// Misspelt names, each wanted at two places, and one that resembles nothing; `greeting` is defined in this object.

int prinft(const char *, ...);
int compres(unsigned char *, unsigned long *, const unsigned char *, unsigned long);
extern int qzxvwkj;
extern const char *greetign;

const char *greeting = "hello";

void greet(const char *name) { prinft("%s, %s\n", greetign, name); }

int pack(unsigned char *to, unsigned long *count) {
  prinft("packing\n");
  return compres(to, count, (const unsigned char *)greeting, 6);
}

int main(void) {
  unsigned char buffer[100];
  unsigned long count = sizeof buffer;
  greet("world");
  return pack(buffer, &count) + compres(buffer, &count, buffer, 0) + qzxvwkj;
}
