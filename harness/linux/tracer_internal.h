/* Inside the tracer: what the files that follow processes, calls, descriptors, signals and faults
 * share. Nothing outside them includes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_TRACER_INTERNAL_H
#define SOCKSPEC_LINUX_TRACER_INTERNAL_H

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <uthash.h>

#include "linux/tracer.h"
#include "world/fault_table.h"

enum {
    TRACER_SIGNALS = 65,
    TRACER_FAULTS_MAX = 64,
    TRACER_SPIN_CALLS = 10000,     /* calls without progress when the start does not say */
    TRACER_SPIN_REPEATS = 250,     /* of them, calls that told again what they had told before */
    TRACER_SPIN_LOOKS = 4,         /* further ones of either for each open descriptor */
    TRACER_SPIN_ANSWERS = 64,      /* different answers of a loop that are told apart */
    TRACER_CPU_MAX_US = 2000000,   /* CPU time without progress when the start does not say */
    TRACER_CPU_LOOK_NS = 20000000, /* real time without progress before CPU time is looked at */
    TRACER_ENDED_MAX = 64,         /* children that ended and may not have been waited for */
    TRACER_STOPS_AT_A_TURN = 64,   /* then the world looks at the wire again */
    TRACER_ARGUMENTS = 6,
    TRACER_FDS_MAX = 1 << 20, /* higher numbers are not followed */
    TRACER_IOVECS_MAX = 1024  /* IOV_MAX */
};

/* What an exit stop says of a call that a signal broke off and that may go on: not in <errno.h>. */
enum tracer_restart {
    TRACER_ERESTARTSYS = 512,
    TRACER_ERESTARTNOINTR = 513,
    TRACER_ERESTARTNOHAND = 514,
    TRACER_ERESTART_RESTARTBLOCK = 516
};

/* A registration of a descriptor with an epoll instance. */
struct tracer_item {
    struct tracer_file *epoll;
    struct tracer_file *file;
    struct tracer_item *file_next; /* of the same file */
    uint64_t data;                 /* what epoll_wait reports for it: the key */
    uint32_t events;
    int number; /* of the descriptor, as it is traced */
    int fd;     /* as it was registered */
    UT_hash_handle hh;
};

/* An open file description. */
struct tracer_file {
    uint32_t refs;  /* slots of all processes, and calls that are in progress */
    uint32_t slots; /* of them, slots */
    enum trace_file kind;
    bool tcp;     /* a TCP socket */
    bool watched; /* its calls are traced: what programs wait on with sockets */
    bool nonblock;
    uint32_t conn;
    struct tracer_item *items;    /* its registrations */
    struct tracer_item *registry; /* epoll: registrations with it */
};

struct tracer_slot {
    struct tracer_file *file; /* NULL: not open, as far as is known */
    bool was_other;           /* what it last was is not watched */
    bool cloexec;
    bool inherited;
};

struct tracer_process {
    pid_t pid;
    int number; /* 0: the first; LINUX_PROCESSES_MAX - 1 is shared */
    int nth;    /* 0: the first; children in the order of their forks */
    int pidfd;
    uint32_t threads;
    struct tracer_slot *slots;
    int slots_size;
    int open_count;
    uint16_t handlers[TRACER_SIGNALS]; /* 0 default, 1 ignored, 2 handler, | 0x100 SA_RESTART */
    int64_t alarm_at_ns;               /* CLOCK_MONOTONIC; 0: no alarm was set */
    bool alarm_repeats;
    struct tracer_process *next;
};

struct tracer_row;

/* The call that a thread is in. */
struct tracer_call {
    const struct tracer_row *row; /* NULL: none */
    uint64_t args[TRACER_ARGUMENTS];
    enum trace_call what;
    int fd;                   /* -1: none */
    struct tracer_file *file; /* held; NULL: none or not open */
    uint32_t conn;
    int64_t a;
    int64_t b;
    int64_t timeout_us; /* as BLOCK shows it; INT64_MIN: by the socket's options */
    int flags;          /* MSG_ flags */
    bool traced;
    bool nonblock;
    bool blocked; /* it was found asleep: BLOCK is traced */
    bool
        broken_off; /* its exit stop told of a restart or EINTR: a signal may say what came of it */
    int64_t broken_result;

    struct tracer_fault *fault; /* that strikes at the exit, or shortened the call */
    bool faulted;               /* CALL carries TRACE_FAULTED */
    bool skipped;               /* the kernel does not do it: `answer` is its result */
    bool waits;                 /* poll stands in for it, until it could be answered */
    int64_t answer;             /* of a fault, 0: none */
    int saved_argument;         /* index of the argument that was changed; -1 none */
    uint64_t saved_value;
    uint64_t saved_address; /* of the word that was changed; 0 none */
    uint64_t saved_word;
    uint64_t saved_count_address; /* of msg_iovlen; 0 none */
    uint64_t saved_count;

    uint64_t *sets; /* select: the sets as they were asked, SETS times set_words; owned */
    uint32_t set_words;
};

struct tracer_thread {
    pid_t tid;
    struct tracer_process *process;
    struct tracer_call call;
    bool listening;   /* in a group stop */
    bool interrupted; /* a fault's signal was sent: it is about to wake */
    int syscall_fd;   /* /proc; -1 none */
    int schedstat_fd;
    int wchan_fd;
    int stat_fd;
    uint64_t alone_from_ns; /* of processor when it was first seen running since its last stop, plus
                               1; 0: it was not */
    bool gone;              /* the first thread of a process ended before the others */
    uint64_t run_count;     /* as the first look at /proc found it */
    uint64_t nap_run_count; /* of the short sleep that was waited for last */
    int64_t nap_until_us;   /* its end, CLOCK_MONOTONIC; 0: none yet */
    UT_hash_handle hh;
};

/* A row of the table of system calls. */
struct tracer_row {
    int nr;
    enum trace_call what;
    /* Reads the arguments into the call. */
    void (*enter)(struct linux_tracer *tracer, struct tracer_thread *thread,
                  struct tracer_call *call);
    /* What the finished call changed: descriptors opened and closed are traced, and what
     * only the exit knows goes into the call. May change the result that is traced (numbers of
     * descriptors). NULL: nothing. */
    void (*leave)(struct linux_tracer *tracer, struct tracer_thread *thread,
                  struct tracer_call *call, int64_t *result);
    /* After its CALL: READY events. */
    void (*report)(struct linux_tracer *tracer, struct tracer_thread *thread,
                   struct tracer_call *call, int64_t result);
};

struct tracer_fault {
    struct world_fault spec; /* error: EINTR where it interrupts */
    const struct fault_row *row;
    bool came;
    bool struck;
};

struct linux_tracer {
    struct linux_tracer_hooks hooks;
    struct trace *trace; /* of the last start */
    void *filter;        /* scmp_filter_ctx */
    int signal_fd;
    bool refused;    /* ptrace is refused here */
    pid_t guard_pid; /* 0: none */
    int guard;       /* the end of a pipe that tells it of ours */
    char reason[128];

    struct tracer_process *processes; /* those that live, the newest first */
    struct tracer_process *first;     /* NULL: gone or none */
    pid_t first_pid;
    uint32_t numbers_used; /* bit (1 << number) */
    struct tracer_thread *threads;
    pid_t turn; /* the thread whose stop was answered last */

    int stop_signal;
    bool started;  /* the stop of its exec still waits to be let go */
    bool starting; /* a first process that ends may leave a daemon behind */
    bool stopping;
    bool stop_handled; /* a handler of the stop signal ran */
    bool exited;       /* EXIT is traced */
    bool ending;
    enum trace_exit end_how;
    uint32_t armed; /* families that on_enter wants */
    uint64_t wakeups;

    uint64_t calls_max;
    int64_t cpu_max_us;
    uint64_t calls;   /* since something moved */
    uint64_t repeats; /* of them, those whose answer was known, since one was new */
    uint64_t answers[TRACER_SPIN_ANSWERS]; /* known since something moved, by answer_of */
    uint32_t answer_count;
    enum trace_call last_call;
    int last_fd;
    bool cpu_base_stale;
    int64_t cpu_base_ns; /* CLOCK_MONOTONIC of the last progress that was noticed */
    int64_t cpu_base_us; /* CPU time then; -1: not looked at yet */
    int64_t cpu_gone_us; /* of processes that were reaped */
    bool spins;
    bool full;      /* an accept lacked a descriptor */
    unsigned asked; /* enum linux_asked; in any of its runs */
    bool signalled; /* a signal is being heeded: until it sleeps, naps and all */
    uint32_t naps;  /* short sleeps that were waited for since something moved */

    struct tracer_fault faults[TRACER_FAULTS_MAX];
    uint32_t fault_count;
    uint32_t faults_armed; /* bit of each family */
    int files_wanted;      /* descriptors_free before the program began; -1: no limit */
    int files_wanted_now;  /* the same, until it is in force */
    uint64_t files_soft;   /* RLIMIT_NOFILE before descriptors_free; 0: not lowered */

    int forks; /* children so far */
    struct {
        pid_t pid;
        int number;
        int nth;
    } ended[TRACER_ENDED_MAX]; /* the latest children that ended: a ring */
    uint32_t ended_count;

    uint64_t *iovecs; /* TRACER_IOVECS_MAX * 2: address, length */
};

/* ---- tracer.c ---- */
struct tracer_thread *tracer_thread_find(struct linux_tracer *tracer, pid_t tid);
/* Something changed: a spin begins anew. */
void tracer_progress(struct linux_tracer *tracer);
/* The same by what the program itself did. */
void tracer_progress_made(struct linux_tracer *tracer);
/* The traced number of a descriptor. */
static inline int tracer_number(const struct tracer_process *process, int fd)
{
    return fd < 0 ? fd : process->number * LINUX_PROCESS_STRIDE + fd;
}
struct trace_event *tracer_event(struct linux_tracer *tracer, enum trace_kind kind);

/* ---- filter.c ---- */
enum status tracer_filter_new(void **ret_filter, struct status_detail *detail) STATUS_MUST_USE;
void tracer_filter_free(void *filter);
/* In the child. 0 or -errno. */
int tracer_filter_load(void *filter);

/* ---- process.c ---- */
/* Whether ptrace works here: STATUS_OK, or STATUS_ENVIRONMENT with the reason. */
enum status tracer_probe(struct status_detail *detail) STATUS_MUST_USE;
/* Forks, sets the child up, and waits for its exec. Returns with the child in its exec stop. */
enum status tracer_spawn(struct linux_tracer *tracer, const struct linux_tracer_start *start,
                         pid_t *ret_pid, struct status_detail *detail) STATUS_MUST_USE;
/* `parent` NULL: the first. NULL when memory is short. */
struct tracer_process *tracer_process_add(struct linux_tracer *tracer, pid_t pid,
                                          struct tracer_process *parent);
/* Forgets it; its descriptors were closed. */
void tracer_process_remove(struct linux_tracer *tracer, struct tracer_process *process);
struct tracer_thread *tracer_thread_add(struct linux_tracer *tracer, pid_t tid,
                                        struct tracer_process *process);
void tracer_thread_remove(struct linux_tracer *tracer, struct tracer_thread *thread);

/* ---- turns.c ---- */
/* Whether a stop may be answered now: a thread is alone, or all of them sleep or have stopped. */
bool tracer_turn_is_open(struct linux_tracer *tracer);
/* Takes the stop or the end of the next thread in turn, as wait4 tells it; 0 or less: none waits.
 */
pid_t tracer_turn_take(struct linux_tracer *tracer, int *ret_status, struct rusage *ret_usage);

/* ---- calls.c ---- */
const struct tracer_row *tracer_row_find(int nr);
/* For the filter: the number of rows, and the system call of one. */
unsigned tracer_rows(void);
int tracer_row_number(unsigned index);
/* Entry and exit stops. */
void tracer_call_enter(struct linux_tracer *tracer, struct tracer_thread *thread, int nr,
                       const uint64_t args[TRACER_ARGUMENTS]);
void tracer_call_leave(struct linux_tracer *tracer, struct tracer_thread *thread, int64_t result);
/* A call that was broken off is over with this result, or will go on (restarts). */
void tracer_call_settle(struct linux_tracer *tracer, struct tracer_thread *thread, bool handled,
                        bool restarts);
void tracer_call_drop(struct linux_tracer *tracer, struct tracer_call *call);
/* SO_RCVTIMEO or SO_SNDTIMEO of the call's socket; -1: none. */
int64_t tracer_call_timeout_us(const struct tracer_thread *thread, const struct tracer_call *call);
/* The thread was found asleep in its call: BLOCK, once. */
void tracer_call_block(struct linux_tracer *tracer, struct tracer_thread *thread);

/* ---- watch.c ---- */
/* A call was answered, and nothing moved by it. */
void tracer_spin_count(struct linux_tracer *tracer, const struct tracer_call *call, int64_t result);

/* ---- nap.c ---- */
/* How long the call may go on from now, as far as its limit tells; -1: without a limit, or unknown.
 * A limit that is no point in time counts from the call's begin: it is taken whole. */
int64_t tracer_limit_us(const struct tracer_thread *thread, long nr, const uint64_t *args);
/* ---- memory.c ---- */
bool tracer_peek(const struct tracer_thread *thread, uint64_t address, void *data, size_t size);
bool tracer_poke_word(const struct tracer_thread *thread, uint64_t address, uint64_t word);
bool tracer_argument_set(const struct tracer_thread *thread, int argument, uint64_t value);
/* Makes the call at whose entry the thread stands a no-op that answers `result`. */
bool tracer_call_skip(const struct tracer_thread *thread, int64_t result);
/* Lets the call at whose entry the thread stands be a poll for input instead; `ret_address` and
 * `ret_word`: what was there before of its memory. */
bool tracer_call_wait(const struct tracer_thread *thread, int fd, int timeout_ms,
                      uint64_t *ret_address, uint64_t *ret_word);
/* At its exit: the registers of the call again; with `again` it is begun again. */
void tracer_call_wait_end(const struct tracer_thread *thread, const struct tracer_call *call,
                          bool again);
bool tracer_result_set(const struct tracer_thread *thread, int64_t result);

/* ---- waits.c: poll, select, epoll ---- */
void tracer_enter_poll(struct linux_tracer *tracer, struct tracer_thread *thread,
                       struct tracer_call *call);
void tracer_enter_select(struct linux_tracer *tracer, struct tracer_thread *thread,
                         struct tracer_call *call);
void tracer_enter_epoll_wait(struct linux_tracer *tracer, struct tracer_thread *thread,
                             struct tracer_call *call);
void tracer_enter_epoll_ctl(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call);
/* Whether the epoll_ctl at whose entry the thread stands adds a watch that is not there yet. */
bool tracer_epoll_adds(struct linux_tracer *tracer, const struct tracer_thread *thread,
                       const struct tracer_call *call);
void tracer_leave_epoll_ctl(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call, int64_t *result);
void tracer_report_poll(struct linux_tracer *tracer, struct tracer_thread *thread,
                        struct tracer_call *call, int64_t result);
void tracer_report_select(struct linux_tracer *tracer, struct tracer_thread *thread,
                          struct tracer_call *call, int64_t result);
void tracer_report_epoll(struct linux_tracer *tracer, struct tracer_thread *thread,
                         struct tracer_call *call, int64_t result);
/* A file goes away, or an epoll instance: the registrations with it. */
void tracer_items_forget(struct tracer_file *file);
/* Whether the limit at `argument` of the call (a struct timespec, or a timeval) is none. */
int64_t tracer_timespec_us(const struct tracer_thread *thread, uint64_t address);
int64_t tracer_timeval_us(const struct tracer_thread *thread, uint64_t address);

/* ---- unseen.c ---- */
void tracer_enter_io_uring(struct linux_tracer *tracer, struct tracer_thread *thread,
                           struct tracer_call *call);
void tracer_enter_io_submit(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call);

/* ---- descriptors.c ---- */
struct tracer_file *tracer_file_new(enum trace_file kind, bool nonblock);
void tracer_file_drop(struct tracer_file *file); /* one reference less */
/* The file behind a number; one that was never seen is looked up. NULL: not open. */
struct tracer_file *tracer_files_get(struct linux_tracer *tracer, struct tracer_process *process,
                                     int fd);
/* Only what is known. */
struct tracer_slot *tracer_files_slot(const struct tracer_process *process, int fd);
/* A number was opened: FD_OPEN. */
void tracer_files_open(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                       struct tracer_file *file, bool cloexec, uint8_t flags);
/* A number was closed: FD_CLOSE. True when it was the last of its description. */
bool tracer_files_close(struct linux_tracer *tracer, struct tracer_process *process, int fd);
void tracer_files_start(struct linux_tracer *tracer, struct tracer_process *process);
void tracer_files_copy(struct linux_tracer *tracer, struct tracer_process *from,
                       struct tracer_process *to);
void tracer_files_exec(struct linux_tracer *tracer, struct tracer_process *process);
void tracer_files_close_all(struct linux_tracer *tracer, struct tracer_process *process,
                            bool traced);
int tracer_files_open_count(const struct linux_tracer *tracer);
/* A duplicate of ours of its descriptor, to be closed; -1. */
int tracer_files_borrow(const struct tracer_process *process, int fd);
/* Looks the number of the connection up where the file has none yet. */
void tracer_files_connect(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                          struct tracer_file *file);

/* ---- signals.c ---- */
/* What the thread does about a signal. */
enum trace_disposition tracer_signal_disposition(const struct tracer_process *process, int number);
bool tracer_signal_fatal(int number);
/* A signal-delivery stop: traced; the call that it broke off is settled. */
void tracer_signal_taken(struct linux_tracer *tracer, struct tracer_thread *thread, int number);
/* A handled, unblocked signal other than the stop signal; `restarts`: one whose handler interrupts
 * calls all the same. 0 none. */
int tracer_signal_choose(const struct linux_tracer *tracer, const struct tracer_thread *thread,
                         bool restarts);

/* ---- fault.c ---- */
/* At the entry of a traced call. */
void tracer_fault_enter(struct linux_tracer *tracer, struct tracer_thread *thread);
/* A signal broke off a wait in place of the call: it will be begun again as itself. */
void tracer_fault_broken_off(struct linux_tracer *tracer, struct tracer_thread *thread);
/* At its exit: what was changed is put back; the answer of a fault replaces the result. */
int64_t tracer_fault_leave(struct linux_tracer *tracer, struct tracer_thread *thread,
                           int64_t result);
/* The thread sleeps in its call, and did not when one looked last: true when a fault interrupts
 * it. */
bool tracer_fault_asleep(struct linux_tracer *tracer, struct tracer_thread *thread);

/* ---- asleep.c ---- */
/* Whether every thread sleeps, by two looks at /proc. */
bool tracer_all_sleep(struct linux_tracer *tracer);
/* Whether a stop or an end was not handled yet. */
bool tracer_stop_waits(void);
void tracer_proc_close(struct tracer_thread *thread);
/* How often the thread was given a processor, and for how long in all. */
uint64_t tracer_run_count(struct tracer_thread *thread);
uint64_t tracer_run_ns(struct tracer_thread *thread);
/* Whether it has a processor or is about to get one: it neither sleeps nor stands at a stop. */
bool tracer_runs(struct tracer_thread *thread);

/* The system call that a thread sleeps in, from /proc. */
bool tracer_proc_call(struct tracer_thread *thread, long *ret_nr,
                      uint64_t ret_args[TRACER_ARGUMENTS]);

/* ---- plain.c: where ptrace is refused ---- */
/* Whether all threads of the process and of its descendants sleep, as far as /proc tells. */
bool tracer_plain_asleep(pid_t pid);
/* Ends it and all its descendants. */
void tracer_plain_kill(pid_t pid);
/* A process of its own ends the group of processes of the first one where ours is killed; until
 * tracer_plain_unguard. */
void tracer_plain_guard(struct linux_tracer *tracer);
void tracer_plain_unguard(struct linux_tracer *tracer);
/* What it does about signals, as /proc tells: nothing of SA_RESTART. */
void tracer_plain_handlers(struct tracer_process *process);

#endif
