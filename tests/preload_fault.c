/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded (LD_PRELOAD), it makes one call of a program fail, so that a test can walk through all
 * of them: the first, the second, ... until a run ends in which there were fewer.
 *
 *   CLB_FAULT=KIND:N   the N-th call of that kind fails; KIND:N+ from the N-th on all do
 *   CLB_FAULT_LOG=FILE is made (empty) when the fault has struck
 *
 * Calls count from main() on. Kinds: malloc (also calloc, realloc, aligned_alloc, posix_memalign),
 * read (read, pread, fread), write (write, pwrite, fwrite, fputs, fputc, fprintf to a file; not to
 * standard output or error), flush (fflush, fclose), sync (fsync), seek (lseek, fseeko, ftruncate),
 * open (open, openat, fopen, fdopen, mkdir, mkostemp), rename (rename, renameat2, unlink, rmdir).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define ERROR_SEEN 0x20 /* glibc's mark of a stream on which something failed */

enum kind { MALLOC, READ, WRITE, FLUSH, SYNC, SEEK, OPEN, RENAME, KINDS };

static struct {
    bool ever_after;
    int kind; /* KINDS: none */
    long at;
    atomic_long seen;
    const char *log;
} fault = {.kind = KINDS};

static void read_fault(void)
{
    static const char *const names[KINDS] = {"malloc", "read", "write", "flush",
                                             "sync",   "seek", "open",  "rename"};
    const char *text = getenv("CLB_FAULT");
    fault.log = getenv("CLB_FAULT_LOG");
    for (int k = 0; text && k < KINDS; k++) {
        const size_t length = strlen(names[k]);
        if (strncmp(text, names[k], length) != 0 || text[length] != ':') continue;
        char *end;
        fault.at = strtol(text + length + 1, &end, 10);
        fault.ever_after = *end == '+';
        fault.kind = k;
    }
}

static void leave_word(void)
{
    static int (*next)(const char *, int, ...);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "open");
    if (fault.log) close(next(fault.log, O_WRONLY | O_CREAT, 0666));
}

static bool strikes(enum kind kind, int error)
{
    if (fault.kind != (int)kind) return false;
    const long number = atomic_fetch_add(&fault.seen, 1) + 1;
    if (number < fault.at || (number > fault.at && !fault.ever_after)) return false;
    if (number == fault.at) leave_word();
    errno = error;
    return true;
}

/* The C library's start of a program, which is given main(). */
static int (*main_itself)(int, char **, char **);

static int counted_main(int argc, char **argv, char **environment)
{
    read_fault();
    return main_itself(argc, argv, environment);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    int (*next)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                void (*)(void), void *);
    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    main_itself = main;
    return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* The function that this one stands before. */
#define NEXT(type, name, ...)                                                                      \
    static type (*next)(__VA_ARGS__);                                                              \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, name)

/* ---- memory: the C library has its own by other names, so that looking up needs none ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return strikes(MALLOC, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return strikes(MALLOC, ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return strikes(MALLOC, ENOMEM) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return strikes(MALLOC, ENOMEM) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (strikes(MALLOC, ENOMEM)) return ENOMEM;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

/* ---- streams ---- */

static bool is_file(FILE *stream)
{
    return stream != stdout && stream != stderr && fileno(stream) > STDERR_FILENO;
}

static bool write_strikes(FILE *stream)
{
    if (!is_file(stream) || !strikes(WRITE, ENOSPC)) return false;
    stream->_flags |= ERROR_SEEN;
    return true;
}

size_t fwrite(const void *from, size_t size, size_t count, FILE *stream)
{
    NEXT(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    return write_strikes(stream) ? 0 : next(from, size, count, stream);
}

int fputs(const char *text, FILE *stream)
{
    NEXT(int, "fputs", const char *, FILE *);
    return write_strikes(stream) ? EOF : next(text, stream);
}

int fputc(int c, FILE *stream)
{
    NEXT(int, "fputc", int, FILE *);
    return write_strikes(stream) ? EOF : next(c, stream);
}

int vfprintf(FILE *stream, const char *format, va_list arguments)
{
    NEXT(int, "vfprintf", FILE *, const char *, va_list);
    return write_strikes(stream) ? -1 : next(stream, format, arguments);
}

int fprintf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int code = vfprintf(stream, format, arguments);
    va_end(arguments);
    return code;
}

size_t fread(void *to, size_t size, size_t count, FILE *stream)
{
    NEXT(size_t, "fread", void *, size_t, size_t, FILE *);
    if (!strikes(READ, EIO)) return next(to, size, count, stream);
    stream->_flags |= ERROR_SEEN;
    return 0;
}

/* What was written and waits is lost. */
static void lose(FILE *stream)
{
    stream->_flags |= ERROR_SEEN;
}

int fflush(FILE *stream)
{
    NEXT(int, "fflush", FILE *);
    if (!stream || !is_file(stream) || !strikes(FLUSH, ENOSPC)) return next(stream);
    lose(stream);
    return EOF;
}

int fclose(FILE *stream)
{
    NEXT(int, "fclose", FILE *);
    const bool fails = is_file(stream) && strikes(FLUSH, ENOSPC);
    const int code = next(stream);
    if (fails) errno = ENOSPC;
    return fails ? EOF : code;
}

int fseeko(FILE *stream, off_t offset, int from)
{
    NEXT(int, "fseeko", FILE *, off_t, int);
    return strikes(SEEK, EIO) ? -1 : next(stream, offset, from);
}

FILE *fopen(const char *path, const char *mode)
{
    NEXT(FILE *, "fopen", const char *, const char *);
    return strikes(OPEN, EMFILE) ? NULL : next(path, mode);
}

FILE *fdopen(int file, const char *mode)
{
    NEXT(FILE *, "fdopen", int, const char *);
    return strikes(OPEN, EMFILE) ? NULL : next(file, mode);
}

/* ---- files ---- */

ssize_t read(int file, void *to, size_t size)
{
    NEXT(ssize_t, "read", int, void *, size_t);
    return strikes(READ, EIO) ? -1 : next(file, to, size);
}

ssize_t pread(int file, void *to, size_t size, off_t offset)
{
    NEXT(ssize_t, "pread", int, void *, size_t, off_t);
    return strikes(READ, EIO) ? -1 : next(file, to, size, offset);
}

ssize_t write(int file, const void *from, size_t size)
{
    NEXT(ssize_t, "write", int, const void *, size_t);
    return file > STDERR_FILENO && strikes(WRITE, ENOSPC) ? -1 : next(file, from, size);
}

ssize_t pwrite(int file, const void *from, size_t size, off_t offset)
{
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return strikes(WRITE, ENOSPC) ? -1 : next(file, from, size, offset);
}

off_t lseek(int file, off_t offset, int from)
{
    NEXT(off_t, "lseek", int, off_t, int);
    return strikes(SEEK, EIO) ? -1 : next(file, offset, from);
}

int ftruncate(int file, off_t size)
{
    NEXT(int, "ftruncate", int, off_t);
    return strikes(SEEK, EIO) ? -1 : next(file, size);
}

int fsync(int file)
{
    NEXT(int, "fsync", int);
    return strikes(SYNC, EIO) ? -1 : next(file);
}

int open(const char *path, int flags, ...)
{
    NEXT(int, "open", const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return strikes(OPEN, EMFILE) ? -1 : next(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    NEXT(int, "openat", int, const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return strikes(OPEN, EMFILE) ? -1 : next(directory, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    NEXT(int, "mkdir", const char *, mode_t);
    return strikes(OPEN, ENOSPC) ? -1 : next(path, mode);
}

int mkstemp(char *path)
{
    NEXT(int, "mkstemp", char *);
    return strikes(OPEN, EMFILE) ? -1 : next(path);
}

int rename(const char *from, const char *to)
{
    NEXT(int, "rename", const char *, const char *);
    return strikes(RENAME, EIO) ? -1 : next(from, to);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
    return strikes(RENAME, EIO) ? -1 : next(from_directory, from, to_directory, to, flags);
}

int unlink(const char *path)
{
    NEXT(int, "unlink", const char *);
    return strikes(RENAME, EIO) ? -1 : next(path);
}

int rmdir(const char *path)
{
    NEXT(int, "rmdir", const char *);
    return strikes(RENAME, EIO) ? -1 : next(path);
}
