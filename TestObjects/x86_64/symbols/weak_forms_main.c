// weak_forms_main.o: gcc -O2 -fPIC
// Calls the functions of weak_forms.s.

#include <stdio.h>

#define FORMS(F) \
  F(absolute64) F(absolute32) F(absolute32S) F(got) F(got_no_rex) F(got_test) F(got_compare) F(got_push) F(got_large) \
  F(data) F(pc64) F(call_plt) F(call_direct) F(jump_plt) F(call_got) F(jump_got)

#define DECLARE(name) long form_##name(void);
FORMS(DECLARE)

int main(void) {
#define PRINT(name) printf("%-13s %ld\n", #name, form_##name());
  FORMS(PRINT)
  return 0;
}
