/* Redirected calls: what the C library keeps for a whole process. Random numbers and strtok are
 * served from the task; environment, locale, folder and umask are changed for real and marked, to
 * be put back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

static void mark(unsigned dirty)
{
    if (redirect_task != NULL) {
        redirect_task->dirty |= dirty;
    }
}

static uint64_t outside_state; /* constructors of the program draw from here */

static uint64_t *rand_state(void)
{
    return redirect_task == NULL ? &outside_state : &redirect_task->rand_state;
}

static uint64_t draw(uint64_t *state)
{
    struct random random = {*state};
    uint64_t value = random_next(&random);
    *state = random.state;
    return value;
}

int sockspec_call_rand(void)
{
    return (int)(draw(rand_state()) & RAND_MAX);
}
void sockspec_call_srand(unsigned seed)
{
    *rand_state() = seed;
}
long sockspec_call_random(void)
{
    return sockspec_call_rand();
}
void sockspec_call_srandom(unsigned seed)
{
    *rand_state() = seed;
}

static uint64_t draw48(void)
{
    return draw(redirect_task == NULL ? &outside_state : &redirect_task->rand48_state) >> 16;
}

double sockspec_call_drand48(void)
{
    return (double)draw48() / (double)(1ULL << 48);
}
long sockspec_call_lrand48(void)
{
    return (long)(draw48() >> 17);
}
long sockspec_call_mrand48(void)
{
    return (int32_t)(draw48() >> 16);
}

void sockspec_call_srand48(long seed)
{
    if (redirect_task != NULL) {
        redirect_task->rand48_state = (uint64_t)seed;
    }
}

static void fill(void *data, size_t size)
{
    uint8_t *bytes = data;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (i % sizeof value == 0) {
            value =
                redirect_task == NULL ? draw(&outside_state) : random_next(&redirect_task->entropy);
        }
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
}

ssize_t sockspec_call_getrandom(void *data, size_t size, unsigned flags)
{
    (void)flags;
    fill(data, size);
    return (ssize_t)size;
}

int sockspec_call_getentropy(void *data, size_t size)
{
    if (size > 256) {
        errno = EIO;
        return -1;
    }
    fill(data, size);
    return 0;
}

uint32_t sockspec_call_arc4random(void)
{
    uint32_t value;
    fill(&value, sizeof value);
    return value;
}

void sockspec_call_arc4random_buf(void *data, size_t size)
{
    fill(data, size);
}

uint32_t sockspec_call_arc4random_uniform(uint32_t bound)
{
    return bound < 2 ? 0 : (uint32_t)(((uint64_t)sockspec_call_arc4random() * bound) >> 32);
}

char *sockspec_call_strtok(char *text, const char *separators)
{
    static char *outside_next;
    return strtok_r(text, separators,
                    redirect_task == NULL ? &outside_next : &redirect_task->strtok_next);
}

int sockspec_call_setenv(const char *name, const char *value, int overwrite)
{
    mark(REDIRECT_DIRTY_ENVIRONMENT);
    return setenv(name, value, overwrite);
}

int sockspec_call_unsetenv(const char *name)
{
    mark(REDIRECT_DIRTY_ENVIRONMENT);
    return unsetenv(name);
}

int sockspec_call_putenv(char *text)
{
    mark(REDIRECT_DIRTY_ENVIRONMENT);
    return putenv(text);
}

int sockspec_call_clearenv(void)
{
    mark(REDIRECT_DIRTY_ENVIRONMENT);
    return clearenv();
}

/* What the C library remembers of its latest scan, if that came to its end: the first character of
 * its options, and GETOPT_POSIX. One that would remember the same may follow as it is. */
enum { GETOPT_NOTHING = -1, GETOPT_POSIX = 1 << 8 };
static int getopt_settled = GETOPT_NOTHING;

/* The C library begins anew for optind 0 only, while a fresh program reads 1 there. Beginning anew
 * means a walk through the environment, which is left out where nothing has changed. Returns what
 * the program wants of messages. */
static int getopt_quiet(int kind)
{
    if (redirect_task != NULL && !redirect_task->getopt_begun) {
        redirect_task->getopt_begun = true;
        optind = optind == 1 && kind != getopt_settled ? 0 : optind;
    }
    getopt_settled = GETOPT_NOTHING;
    int wanted = opterr;
    opterr = 0;
    return wanted;
}

/* The C library's own message would go to our stderr. */
static int getopt_end(int result, int wanted, char *const argv[], const char *options, int kind)
{
    opterr = wanted;
    if (result == -1 && redirect_task != NULL &&
        (redirect_task->dirty & REDIRECT_DIRTY_ENVIRONMENT) == 0) {
        getopt_settled = kind;
    }
    const char *first = options[0] == '+' || options[0] == '-' ? options + 1 : options;
    if (result == '?' && wanted != 0 && first[0] != ':' && redirect_task != NULL) {
        FILE *file = redirect_task->streams.standard[STDERR_FILENO].file;
        if (optopt != 0) {
            (void)fprintf(file, "%s: invalid option or missing argument -- '%c'\n", argv[0],
                          optopt);
        } else {
            (void)fprintf(file, "%s: unrecognized option '%s'\n", argv[0], argv[optind - 1]);
        }
    }
    return result;
}

int sockspec_call_getopt(int argc, char *const argv[], const char *options)
{
    int kind = (unsigned char)options[0];
    int wanted = getopt_quiet(kind);
    return getopt_end(getopt(argc, argv, options), wanted, argv, options, kind);
}

int __posix_getopt(int argc, char *const argv[], const char *options);

int sockspec_call___posix_getopt(int argc, char *const argv[], const char *options)
{
    int kind = (unsigned char)options[0] | GETOPT_POSIX;
    int wanted = getopt_quiet(kind);
    return getopt_end(__posix_getopt(argc, argv, options), wanted, argv, options, kind);
}

int sockspec_call_getopt_long(int argc, char *const argv[], const char *options,
                              const struct option *table, int *ret_index)
{
    int kind = (unsigned char)options[0];
    int wanted = getopt_quiet(kind);
    return getopt_end(getopt_long(argc, argv, options, table, ret_index), wanted, argv, options,
                      kind);
}

int sockspec_call_getopt_long_only(int argc, char *const argv[], const char *options,
                                   const struct option *table, int *ret_index)
{
    int kind = (unsigned char)options[0];
    int wanted = getopt_quiet(kind);
    return getopt_end(getopt_long_only(argc, argv, options, table, ret_index), wanted, argv,
                      options, kind);
}

char *sockspec_call_setlocale(int category, const char *locale)
{
    if (locale != NULL) {
        mark(REDIRECT_DIRTY_LOCALE);
    }
    return setlocale(category, locale);
}

int sockspec_call_chdir(const char *path)
{
    mark(REDIRECT_DIRTY_FOLDER);
    return chdir(path);
}

int sockspec_call_chroot(const char *path)
{
    (void)path;
    errno = EPERM; /* it could not be undone */
    return -1;
}

mode_t sockspec_call_umask(mode_t mask)
{
    mark(REDIRECT_DIRTY_UMASK);
    return umask(mask);
}
