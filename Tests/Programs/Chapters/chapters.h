// The chapters of one program: each prints what it computes, the same on every machine, however it is compiled. So
// objects of different compilers and options may be linked together.

#include <stdio.h>

void callbacks(void);
void control(void);
void data(void);
void frames(void);
void numbers(void);
void pointers(void);
void records(void);
void registers(void);
void variadic(void);
void vectors(void);

// Keeps the compiler from knowing what a value is.
#define opaque(value) ({ __typeof__(value) opaqueCopy = (value); __asm__ volatile("" : "+m"(opaqueCopy)); opaqueCopy; })
