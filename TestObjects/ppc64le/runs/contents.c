// A part of a program that needs many entries of the table of contents: 3000 variables, which are 24,000 bytes there.
// Compiled several times, with PART from 0 to PARTS - 1 (contents_main.c).

#define ten(what, h, t) what(h, t, 0) what(h, t, 1) what(h, t, 2) what(h, t, 3) what(h, t, 4) \
  what(h, t, 5) what(h, t, 6) what(h, t, 7) what(h, t, 8) what(h, t, 9)
#define hundred(what, h) ten(what, h, 0) ten(what, h, 1) ten(what, h, 2) ten(what, h, 3) ten(what, h, 4) \
  ten(what, h, 5) ten(what, h, 6) ten(what, h, 7) ten(what, h, 8) ten(what, h, 9)
#define all(what) hundred(what, 0) hundred(what, 1) hundred(what, 2) hundred(what, 3) hundred(what, 4) hundred(what, 5) \
  hundred(what, 6) hundred(what, 7) hundred(what, 8) hundred(what, 9) hundred(what, 10) hundred(what, 11) \
  hundred(what, 12) hundred(what, 13) hundred(what, 14) hundred(what, 15) hundred(what, 16) hundred(what, 17) \
  hundred(what, 18) hundred(what, 19) hundred(what, 20) hundred(what, 21) hundred(what, 22) hundred(what, 23) \
  hundred(what, 24) hundred(what, 25) hundred(what, 26) hundred(what, 27) hundred(what, 28) hundred(what, 29)

// Each with the number of the part in its name.
#define join3(part, h, t, o) v##part##_##h##t##o
#define join2(part, h, t, o) join3(part, h, t, o)
#define name(h, t, o) join2(PART, h, t, o)
#define define(h, t, o) int name(h, t, o) = (h) * 100 + (t) * 10 + (o);
#define use(h, t, o) sum = sum * 3 + name(h, t, o)++;
all(define)

#define function2(what, part) what##part
#define function1(what, part) function2(what, part)
#define function(what) function1(what, PART)

// Goes to the next part.
unsigned next(unsigned);
unsigned function(sum)(unsigned);
unsigned function(sum)(unsigned sum) {
  all(use)
  return sum;
}
unsigned function(twice)(unsigned);
unsigned function(twice)(unsigned sum) {
  sum = function(sum)(sum);
  sum = next(sum);
  return function(sum)(sum) + (unsigned)name(29, 9, 9);
}
