/* A program that looks at everything a run must find as new, prints it, and leaves it changed. Two
 * runs in one process that print the same have been put back in between. The first argument picks
 * an ending. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "archived.h"

extern int common_counter; /* in another object of the target */
static int data_counter = 5;
static int elsewhere __attribute__((section("read_mostly"))) = 6;
static int bss_counter;
static char big_bss[20000];
static const char *name_table[] = {"first", "second"};
static int *data_pointer = &data_counter;
static _Thread_local int tls_data = 7;
static _Thread_local int tls_bss;
static int constructed;
static volatile sig_atomic_t handled;
static sigjmp_buf jump;

/* The program's own function of this name is not the C library's. */
int error(int status, int code);
int error(int status, int code)
{
    return status * 100 + code;
}

__attribute__((constructor)) static void construct(void)
{
    constructed += 3;
}

static void on_signal(int number)
{
    handled += number;
}

/* Raises its own signal once more: that comes when it has returned. */
static void on_again(int number)
{
    static int running;
    running++;
    handled += running == 1 ? 100 : 1000;
    if (handled < 200) {
        (void)raise(number);
    }
    running--;
}

static void on_jump(int number)
{
    (void)number;
    siglongjmp(jump, 1);
}

static void look_at_memory(void)
{
    static int local_static = 40;
    printf("elsewhere %d\n", elsewhere++);
    printf("data %d %d bss %d %d common %d archived %d constructed %d\n", data_counter,
           *data_pointer, bss_counter, big_bss[19999], common_counter, archived_count(),
           constructed);
    data_counter++, bss_counter++, big_bss[19999]++, common_counter++, constructed++;
    printf("tls %d %d static %d table %s\n", tls_data++, tls_bss++, local_static++, name_table[0]);
    name_table[0] = name_table[1];
    data_pointer = &bss_counter;
    printf("own error %d\n", error(4, 2));
}

static void look_at_library(int argc, char **argv)
{
    char words[] = "one two";
    unsigned char noise[4];
    printf("errno %d optind %d opterr %d\n", errno, optind, opterr);
    opterr = 0;
    for (int option; (option = getopt(argc, argv, "ab:")) != -1;) {
        printf("option %c %s\n", option, option == 'b' ? optarg : "-");
    }
    printf("rest %s\n", optind < argc ? argv[optind] : "none");
    if (optind < argc) {
        argv[optind][0] = 'X';
    }
    printf("strtok %s\n", strtok(words, " "));
    int drawn = rand() % 1000;
    printf("rand %d %ld\n", drawn, random() % 1000);
    srand(99);
    (void)!getrandom(noise, sizeof noise, 0);
    printf("noise %d %d %.3f\n", noise[0], noise[3], drand48());
    printf("environment %s %s\n", getenv("SOCKSPEC_TEST") ? getenv("SOCKSPEC_TEST") : "unset",
           getenv("HOME") ? "home" : "homeless");
    (void)setenv("SOCKSPEC_TEST", "left over", 1);
    (void)unsetenv("HOME");
    printf("locale %s\n", setlocale(LC_ALL, NULL));
    (void)setlocale(LC_ALL, "C.UTF-8");
    errno = ERANGE;
}

static void look_at_process(void)
{
    struct rlimit limit;
    char folder[4096];
    mode_t mask = umask(0111);
    printf("umask %o folder %s pid %d\n", mask,
           strcmp(getcwd(folder, sizeof folder), "/") ? "start" : "root", (int)getpid());
    (void)!chdir("/");
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    printf("descriptors %ld\n", (long)limit.rlim_cur);
    limit.rlim_cur = 17;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    struct timespec resolution;
    (void)clock_getres(CLOCK_MONOTONIC, &resolution);
    printf("time %ld resolution %ld ns\n", (long)time(NULL), resolution.tv_nsec);
}

static void look_at_signals(void)
{
    struct sigaction action;
    struct itimerval timer = {.it_value = {.tv_sec = 100}};
    struct itimerval old;
    sigset_t mask;
    (void)sigaction(SIGUSR1, NULL, &action);
    (void)sigprocmask(SIG_BLOCK, NULL, &mask);
    (void)setitimer(ITIMER_REAL, &timer, &old);
    printf("usr1 %s pipe %s blocked %d alarm %ld\n",
           action.sa_handler == SIG_DFL ? "default" : "set",
           signal(SIGPIPE, SIG_IGN) == SIG_DFL ? "default" : "set", sigismember(&mask, SIGUSR2),
           (long)old.it_value.tv_sec);
    (void)signal(SIGUSR1, on_signal);
    (void)raise(SIGUSR1);
    printf("handled %d\n", (int)handled);
    action = (struct sigaction){.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGHUP, &action, NULL);
    (void)raise(SIGHUP);
    (void)sigaction(SIGHUP, NULL, &action);
    printf("handled %d then %s\n", (int)handled, action.sa_handler == SIG_DFL ? "default" : "set");
    (void)signal(SIGUSR1, on_again);
    (void)raise(SIGUSR1);
    printf("handled %d\n", (int)handled);
    (void)signal(SIGINT, on_jump);
    if (sigsetjmp(jump, 1) == 0) {
        (void)raise(SIGINT);
    }
    (void)sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("jumped with %d\n", sigismember(&mask, SIGINT));
    (void)sigaddset(&mask, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    (void)raise(SIGUSR2);
}

static void look_at_streams(void)
{
    int fds[2];
    FILE *file = fopen("/dev/zero", "r");
    printf("stream %d byte %d\n", fileno(file), fgetc(file));
    (void)!pipe(fds);
    FILE *in = fdopen(fds[0], "r");
    FILE *out = fdopen(fds[1], "w");
    char line[32];
    (void)fprintf(out, "through a pipe\n");
    (void)fflush(out);
    printf("line %s", fgets(line, sizeof line, in));
    (void)fclose(in);
    (void)dprintf(STDOUT_FILENO, "unbuffered\n");
    (void)fprintf(stderr, "to stderr\n");
    warnx("a warning");
    errno = ENOENT;
    perror("perror");
    static char wide[1500]; /* more than is put together at once */
    memset(wide, '-', sizeof wide - 1);
    memcpy(wide + sizeof wide - sizeof "long", "long", sizeof "long");
    perror(wide);
    printf("end of input %d\n", getchar());
    (void)setvbuf(stdin, NULL, _IONBF, 0);
    (void)fputs("left in the buffer\n", out); /* never closed, as `file` */
}

static void look_at_names(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char host[64];
    int result = getaddrinfo("localhost", "80", &hints, &list);
    printf("localhost %d", result);
    for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        (void)getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
        printf(" %s", host);
    }
    printf("\nnowhere %s\n", gai_strerror(getaddrinfo("nowhere.example", "80", NULL, &list)));
}

static void look_at_heap(void)
{
    char *line = NULL;
    char *kept = strdup("never freed");
    char *grown = realloc(malloc(10), 1000);
    (void)!asprintf(&line, "%s and %d", kept, 5);
    printf("heap %s\n", line);
    free(line);
    free(grown);
}

/* What libraries ask of the kernel without the C library. */
static void look_at_numbers(void)
{
    int ends[2] = {-1, -1};
    char byte = 0;
    (void)syscall(SYS_pipe2, ends, O_CLOEXEC);
    long put = syscall(SYS_write, ends[1], "x", 1L);
    long got = syscall(SYS_read, ends[0], &byte, 1L);
    printf("numbers put %ld got %ld %c", put, got, byte);
    printf(" closed %ld %ld", syscall(SYS_close, ends[0]), syscall(SYS_close, ends[1]));
    printf(" again %ld", syscall(SYS_close, ends[0]));
    printf(" %s", errno == EBADF ? "bad" : "good");
    printf(" ring %ld pid %d\n", syscall(SYS_io_uring_setup, 8, &byte),
           syscall(SYS_getpid) == getpid());
}

static void say_goodbye(void)
{
    printf("atexit %d\n", bss_counter);
}
static void say_first(void)
{
    printf("atexit first\n");
}
static void say_status(int status, void *text)
{
    printf("on_exit %d %s\n", status, (char *)text);
}

static int finish(const char *how)
{
    if (strcmp(how, "exit") == 0) {
        exit(3);
    } else if (strcmp(how, "_exit") == 0) {
        _exit(4);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "assert") == 0) {
        assert(bss_counter == -1);
    } else if (strcmp(how, "errx") == 0) {
        errx(5, "gives up");
    } else if (strcmp(how, "fork") == 0) {
        (void)fork();
    } else if (strcmp(how, "syscall") == 0) {
        (void)syscall(SYS_uname, NULL);
    } else if (strcmp(how, "kill") == 0) {
        (void)kill(getpid(), SIGKILL);
    } else if (strcmp(how, "buffer") == 0) {
        printf("lost");
        _exit(0);
    }
    return 6;
}

int main(int argc, char **argv)
{
    static char how[16];
    (void)snprintf(how, sizeof how, "%s", argc > 1 ? argv[argc - 1] : "return");
    look_at_memory();
    look_at_library(argc, argv);
    look_at_process();
    look_at_signals();
    look_at_streams();
    look_at_names();
    look_at_heap();
    look_at_numbers();
    (void)atexit(say_goodbye);
    (void)on_exit(say_status, "argument");
    (void)atexit(say_first);
    return finish(how);
}
