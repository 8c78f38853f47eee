/// C that calls functions with arguments of every kind, and the functions.
enum CallingConventions {
  static let names = [
    "integers", "doubles", "floats", "vectors", "mixed", "big", "pair", "small", "variadic", "wide",
    "complexes",
    "nothing", "pointers", "chained", "chain",
  ]

  /// Vectors that are as wide as registers are; on x86_64 wider than those of the base architecture.
  private static let declarations = """
    #include <complex.h>
    #include <stdarg.h>
    #ifdef __x86_64__
    enum { lanes = 8 };
    #else
    enum { lanes = 4 };
    #endif
    typedef int vector __attribute__((vector_size(4 * lanes)));
    typedef struct { double a, b, c, d; long e; } Big;
    typedef struct { double x, y; } Pair;
    typedef struct { long a; char b[3]; } Small;
    long integers(long, int, short, signed char, long, unsigned, long, long, long, long, long, int);
    double doubles(double, double, double, double, double, double, double, double, double, double, double, double,
                   double, double, double, double);
    float floats(float, float, float, float, float, float, float, float, float, float);
    vector vectors(vector, vector, vector, vector, vector, vector, vector, vector, vector, vector, vector, vector,
                   vector, vector);
    double mixed(int, double, long, float, vector, char, double, long, vector, double, long, long, double);
    Big big(long, double, Big, vector);
    Pair pair(double, Pair, long);
    Small small(Small, Small, int);
    double variadic(int, ...);
    long double wide(long double, long double, long double, int);
    double complex complexes(double complex, float complex, double);
    void nothing(void);
    long *pointers(long *, long (*)(long), long);
    long chained(long, double);
    long chain(long);
    """

  static let callees =
    declarations + """

      long integers(long a, int b, short c, signed char d, long e, unsigned f, long g, long h, long i, long j, long k,
                    int l) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * (long)f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
      }
      double doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j,
                     double k, double l, double m, double n, double o, double p) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m
          + 14 * n + 15 * o + 16 * p;
      }
      float floats(float a, float b, float c, float d, float e, float f, float g, float h, float i, float j) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
      }
      vector vectors(vector a, vector b, vector c, vector d, vector e, vector f, vector g, vector h, vector i, vector j,
                     vector k, vector l, vector m, vector n) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m
          + 14 * n;
      }
      double mixed(int a, double b, long c, float d, vector e, char f, double g, long h, vector i, double j, long k, long l,
                   double m) {
        return a + 2 * b + 3 * c + 4 * d + 5 * e[lanes - 1] + 6 * f + 7 * g + 8 * h + 9 * i[0] + 10 * j + 11 * k + 12 * l
          + 13 * m;
      }
      Big big(long a, double b, Big c, vector d) {
        return (Big){a + c.a, b + c.b, c.c + d[0], c.d + d[lanes - 1], c.e + a};
      }
      Pair pair(double a, Pair b, long c) { return (Pair){a + b.y, b.x + c}; }
      Small small(Small a, Small b, int c) { return (Small){a.a + b.a + c, {a.b[0], b.b[1], a.b[2] + b.b[2]}}; }
      double variadic(int count, ...) {
        va_list list;
        double sum = 0;
        va_start(list, count);
        for (int i = 0; i < count; i++) sum += i % 2 ? va_arg(list, double) * (i + 1) : va_arg(list, long) * (i + 1);
        va_end(list);
        return sum;
      }
      long double wide(long double a, long double b, long double c, int d) { return a + 2 * b + 3 * c + 4 * d; }
      double complex complexes(double complex a, float complex b, double c) { return a * 2 + b * 3 + c; }
      void nothing(void) {}
      long *pointers(long *a, long (*b)(long), long c) { *a = b(c); return a; }
      long chained(long a, double b) { return a == 3 && b == 4 ? 5 : 0; }
      // The sum of its argument and the static chain, which has a register of its own.
      asm(".text\\n.globl chain\\n.type chain, @function\\nchain:\\n"
      #if defined(__x86_64__)
          "lea (%r10, %rdi), %rax\\nret\\n"
      #elif defined(__powerpc64__)
          "add 3, 3, 11\\nblr\\n"
      #else
          "agr %r2, %r0\\nbr %r14\\n"
      #endif
          ".size chain, .-chain\\n");
      """

  /// `int check(void)` returns 0, or the number of the function whose call went wrong. Twice, since only the first calls
  /// are lazy.
  static let callers =
    declarations + """

      static volatile long one = 1;
      static volatile double half = 0.5;
      static vector fill(int first) {
        vector v;
        for (int i = 0; i < lanes; i++) v[i] = first + i;
        return v;
      }
      static int differ(vector a, vector b) {
        int result = 0;
        for (int i = 0; i < lanes; i++) result |= a[i] != b[i];
        return result;
      }
      static long twice(long x) { return 2 * x; }
      static int round_of_calls(void) {
        long n = one;
        double h = half;
        vector v = fill(n), w = fill(100 * n);
        if (integers(n, 2 * n, 3 * n, -4 * n, 5 * n, 6 * n, 7 * n, 8 * n, 9 * n, 10 * n, 11 * n, 12 * n) != 650 - 32)
          return 1;
        if (doubles(h, h + 1, h + 2, h + 3, h + 4, h + 5, h + 6, h + 7, h + 8, h + 9, h + 10, h + 11, h + 12, h + 13,
                    h + 14, h + 15) != 1496 - 68) return 2;
        if (floats(h, h, h, h, h, h, h, h, h, h + 1) != 27.5f + 10) return 3;
        if (differ(vectors(v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8, v + 9, v + 10, v + 11, v + 12, v + 13),
                   105 * v + 910)) return 4;
        if (mixed(n, h, 3 * n, h, v, 6 * n, h, 8 * n, w, h, 11 * n, 12 * n, h)
            != n + 9 + 36 + 64 + 121 + 144 + 0.5 * (2 + 4 + 7 + 10 + 13) + 5 * lanes + 900) return 5;
        Big b = big(n, h, (Big){1, 2, 3, 4, 5}, v);
        if (b.a != 2 || b.b != 2.5 || b.c != 4 || b.d != 4 + lanes || b.e != 6) return 6;
        Pair p = pair(h, (Pair){3, 4}, 7 * n);
        if (p.x != 4.5 || p.y != 10) return 7;
        Small s = small((Small){n, {1, 2, 3}}, (Small){2 * n, {4, 5, 6}}, 10 * n);
        if (s.a != 13 || s.b[0] != 1 || s.b[1] != 5 || s.b[2] != 9) return 8;
        if (variadic(22, n, h, n, h, n, h, n, h, n, h, n, h, n, h, n, h, n, h, n, h, n, h) != 121 + 66) return 9;
        if (wide(h, h + 1, h + 2, 3 * n) != 0.5L + 3 + 7.5L + 12) return 10;
        if (complexes(1 + 2 * I, 3 + 4 * I, h) != 11.5 + 16 * I) return 11;
        nothing();
        long cell = 0;
        if (pointers(&cell, twice, 21 * n) != &cell || cell != 42) return 13;
        if (chained(3 * n, 8 * h) != 5) return 14;
        long (*volatile pointer)(long) = chain;
        if (__builtin_call_with_static_chain(pointer(5 * n), (void *)37) != 42) return 15;
        return 0;
      }
      int check(void) {
        int result = round_of_calls();
        return result ? result : -round_of_calls();
      }
      """

  /// A dispatch function that answers with its context, if its tag is its argument, after it has put other values into all
  /// registers that a function may change.
  static let spoilingDispatch = """
    typedef struct { unsigned long value, size; } Result;
    Result dispatch(void *context, const void *tag, const unsigned long *arguments, unsigned long size) {
      if (size != 8 || *arguments != (unsigned long)tag) return (Result){0, 0};
    #if defined(__x86_64__)
    #define V(n) "vpcmpeqd %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\\n"
      asm volatile(V(0) V(1) V(2) V(3) V(4) V(5) V(6) V(7) V(8) V(9) V(10) V(11) V(12) V(13) V(14) V(15)
                   "mov $-1, %%rax; mov $-1, %%rcx; mov $-1, %%rdx; mov $-1, %%rsi; mov $-1, %%r8; mov $-1, %%r9;"
                   "mov $-1, %%r10; mov $-1, %%r11"
                   ::: "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    #elif defined(__powerpc64__)
    #define R(n) "li " #n ", -1\\n"
    #define F(n) "xxlxor " #n ", " #n ", " #n "\\n"
    #define V(n) "vspltisb " #n ", -1\\n"
      asm volatile(R(0) R(2) R(3) R(4) R(5) R(6) R(7) R(8) R(9) R(10) R(11) R(12)
                   F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13)
                   V(0) V(1) V(2) V(3) V(4) V(5) V(6) V(7) V(8) V(9) V(10) V(11) V(12) V(13) V(14) V(15) V(16) V(17)
                   V(18) V(19) "mtctr 0\\nmtxer 0\\ncrset 0\\ncrset 4\\ncrset 24"
                   ::: "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr", "xer",
                   "cr0", "cr1", "cr6", "cr7", "memory");
    #else
    #define Z(n) "vone %%v" #n "\\n"
      asm volatile("lghi %%r0, -1; lghi %%r1, -1; lghi %%r3, -1; lghi %%r4, -1; lghi %%r5, -1\\n"
                   Z(0) Z(1) Z(2) Z(3) Z(4) Z(5) Z(6) Z(7) Z(16) Z(17) Z(18) Z(19) Z(20) Z(21) Z(22) Z(23) Z(24)
                   Z(25) Z(26) Z(27) Z(28) Z(29) Z(30) Z(31)
                   ::: "r0", "r1", "r3", "r4", "r5", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7",
                   "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
                   "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "memory");
    #endif
      return (Result){(unsigned long)context, 8};
    }
    """
}
