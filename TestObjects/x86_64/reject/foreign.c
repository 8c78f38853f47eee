// i386.o: clang-19 -O1 --target=i386-linux-gnu
// aarch64.o: clang-19 -O1 --target=aarch64-linux-gnu
// powerpc64.o: clang-19 -O1 --target=powerpc64-linux-gnu
// powerpc64le.o: clang-19 -O1 --target=powerpc64le-linux-gnu
// s390x.o: clang-19 -O1 --target=s390x-linux-gnu
// x32.o: clang-19 -O1 --target=x86_64-linux-gnux32
// bitcode.o: clang-19 -O1 -emit-llvm
// library.so: gcc -O1 -fPIC -shared -nostdlib -Wl,--build-id=none
// executable: gcc -O1 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--entry=main
// position_independent_executable: gcc -O1 -nostdlib -static-pie -Wl,--build-id=none -Wl,--entry=main
// A program, but not an object for x86_64.

int number = 42;
int *pointer = &number;
int main(void) { return *pointer; }
