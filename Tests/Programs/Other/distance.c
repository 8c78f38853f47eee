// A library to preload into an executor: the memory that it reserves lies 16 TiB from the libraries, or about that, out
// of reach of any call without a stub. By itself, it lies near them on every machine.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/mman.h>

static char *next = (char *)0x100000000000;

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
  void *(*system)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");
  // Reservations may come from several threads. A gap lies between any two.
  if (!address && file < 0) address = __atomic_fetch_add(&next, (length + 0x1fffff) & -0x100000l, __ATOMIC_RELAXED);
  return system(address, length, protection, flags, file, offset);
}

__attribute__((alias("mmap"))) void *mmap64(void *, size_t, int, int, int, off_t);
