// archives: libgmp.a
// flags: -O2
// Arithmetic with large integers, fractions and floating-point numbers; the inner loops are assembly.

#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The first `count` decimal digits of pi, by Machin's formula.
static void pi(mpz_t result, int count) {
  mpz_t term, sum, unity;
  mpz_inits(term, sum, unity, NULL);
  mpz_ui_pow_ui(unity, 10, count + 10);
  mpz_set_ui(result, 0);
  static const int inverse[] = {5, 239}, weight[] = {16, -4};
  for (int i = 0; i < 2; i++) {
    mpz_tdiv_q_ui(term, unity, inverse[i]);
    mpz_set(sum, term);
    for (unsigned n = 3; mpz_sgn(term) != 0; n += 2) {
      mpz_tdiv_q_ui(term, term, inverse[i] * inverse[i]);
      mpz_t part;
      mpz_init(part);
      mpz_tdiv_q_ui(part, term, n);
      if (n % 4 == 3) mpz_sub(sum, sum, part);
      else mpz_add(sum, sum, part);
      mpz_clear(part);
    }
    mpz_mul_si(sum, sum, weight[i]);
    mpz_add(result, result, sum);
  }
  mpz_ui_pow_ui(unity, 10, 10);
  mpz_tdiv_q(result, result, unity);
  mpz_clears(term, sum, unity, NULL);
}

int main(void) {
  mpz_t a, b, c, d;
  mpz_inits(a, b, c, d, NULL);
  printf("gmp %s\n", gmp_version);

  mpz_fac_ui(a, 100);
  gmp_printf("100! = %Zd\n", a);
  mpz_fac_ui(a, 20000);
  printf("20000! has %zu digits and %lu zeros in binary\n", mpz_sizeinbase(a, 10), mpz_scan1(a, 0));
  mpz_fib_ui(b, 300);
  gmp_printf("fibonacci(300) = %Zd\n", b);
  mpz_bin_uiui(b, 200, 100);
  gmp_printf("200 over 100 = %Zx\n", b);

  mpz_ui_pow_ui(a, 2, 521);
  mpz_sub_ui(a, a, 1);
  mpz_set_str(b, "123456789012345678901234567890", 10);
  mpz_powm(c, b, b, a);
  gmp_printf("powm: %Zx\n", c);
  mpz_invert(d, b, a);
  mpz_mul(d, d, b);
  mpz_mod(d, d, a);
  gmp_printf("inverse times number: %Zd\n", d);
  printf("2^521 - 1 is %s\n", mpz_probab_prime_p(a, 25) ? "prime" : "composite");
  mpz_nextprime(b, b);
  gmp_printf("next prime: %Zd\n", b);

  mpz_fac_ui(a, 60);
  mpz_primorial_ui(b, 200);
  mpz_gcdext(c, d, NULL, a, b);
  gmp_printf("gcd: %Zd, %s\n", c, mpz_divisible_p(a, c) && mpz_divisible_p(b, c) ? "divides both" : "wrong");

  // Numbers of many sizes, so that each multiplication and division algorithm has its turn.
  int failures = 0;
  for (int bits = 64; bits <= 1 << 20; bits *= 2) {
    mpz_ui_pow_ui(a, 3, bits * 5 / 8);
    mpz_ui_pow_ui(b, 7, bits * 3 / 16);
    mpz_add_ui(b, b, 12345);
    mpz_mul(c, a, b);
    mpz_add_ui(c, c, 99);
    mpz_t quotient, remainder;
    mpz_inits(quotient, remainder, NULL);
    mpz_tdiv_qr(quotient, remainder, c, a);
    failures += mpz_cmp(quotient, b) != 0 || mpz_cmp_ui(remainder, 99) != 0;
    mpz_mul(c, b, b);
    mpz_sqrt(quotient, c);
    failures += mpz_cmp(quotient, b) != 0;
    mpz_clears(quotient, remainder, NULL);
  }
  printf("multiplications and divisions: %d failures\n", failures);

  pi(a, 1000);
  char *digits = mpz_get_str(NULL, 10, a);
  printf("pi: %.50s... ends with %s\n", digits, digits + strlen(digits) - 20);
  free(digits);

  gmp_randstate_t random;
  gmp_randinit_mt(random);
  gmp_randseed_ui(random, 42);
  mpz_urandomb(b, random, 200);
  gmp_printf("random: %Zd\n", b);
  gmp_randclear(random);

  mpq_t p, q;
  mpq_inits(p, q, NULL);
  for (int n = 1; n <= 40; n++) {
    mpq_set_ui(q, 1, n);
    mpq_add(p, p, q);
  }
  gmp_printf("harmonic(40) = %Qd\n", p);
  mpq_clears(p, q, NULL);

  mpf_t x;
  mpf_init2(x, 500);
  mpf_sqrt_ui(x, 2);
  gmp_printf("sqrt(2) = %.100Ff\n", x);
  mpf_clear(x);
  mpz_clears(a, b, c, d, NULL);
  return failures != 0;
}
