/* The table of rules: what each one says, whom it binds, where it stands, and what decides it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/predicates.h"
#include "oracle/stack.h"

/* Short words for masks, so that a row reads as one. */
#define K(name) (1U << TRACE_##name)
#define F(name) (1U << SCENARIO_CALL_##name)
#define C(name) (UINT64_C(1) << TRACE_CALL_##name)
#define PHASE(name) (1U << TRACE_PHASE_##name)
#define SAYS(name) (1U << TRACE_DIALOGUE_##name)
#define PEER(name) (1U << TRACE_PEER_##name)
#define CALLS TRACE_SEES_CALLS
#define STATES TRACE_SEES_STATES
#define BYTES TRACE_SEES_BYTES
#define EXITS TRACE_SEES_EXIT
#define FDS TRACE_SEES_DESCRIPTORS

#define SERVER .binds = ORACLE_SERVER
#define CLIENT .binds = ORACLE_CLIENT
#define BOTH .binds = ORACLE_BOTH
#define STACK .binds = ORACLE_STACK
#define GOOD .level = ORACLE_LEVEL_GOOD
#define GOOD_FAIL .level = ORACLE_LEVEL_GOOD, .fail = true
#define SHOULD .level = ORACLE_LEVEL_SHOULD
#define SHOULD_FAIL .level = ORACLE_LEVEL_SHOULD, .fail = true
#define MUST .level = ORACLE_LEVEL_MUST, .fail = true
#define CHOICE .level = ORACLE_LEVEL_CHOICE
#define CHOICE_FAIL .level = ORACLE_LEVEL_CHOICE, .fail = true
#define LINUX_RULE .level = ORACLE_LEVEL_LINUX, .fail = true
#define SEEN_BY(mask) .decidable = true, .observers = (mask)
#define ON_EVENT(name) .on_event = oracle_##name##_event
#define ON_END(name) .on_end = oracle_##name##_end
#define ON_STACK(name) .on_stack = oracle_##name##_stack

const struct oracle_rule oracle_rules[ORACLE_RULE_COUNT] = {
    [ORACLE_CRE_03] =
        {
            .id = "CRE-03",
            .title = "The results of socket, bind, listen and connect are checked: after a failure "
                     "the descriptor is not used as if the call had succeeded, only closed or the "
                     "call tried again.",
            BOTH,
            GOOD,
            .cite =
                "POSIX socket(), bind(), listen(), connect(): RETURN VALUE and ERRORS; bind(2), "
                "listen(2), connect(2) RETURN VALUE",
            .why =
                "A server whose bind failed and that listens all the same gets an ephemeral port: "
                "it runs, and nobody finds it. EINPROGRESS and EINTR of connect are no failures.",
            .observed =
                "A failed bind followed by listen, a failed listen followed by accept, a "
                "failed connect followed by a transfer on the same descriptor; or a call on "
                "descriptor -1.",
            SEEN_BY(CALLS),
            .calls_done =
                F(LISTEN) | F(ACCEPT) | F(SEND) | F(RECV) | F(CLOSE) | F(BIND) | F(CONNECT),
            .calls_failed = F(BIND) | F(LISTEN) | F(ACCEPT) | F(CONNECT) | F(SEND) | F(RECV) |
                            F(SHUTDOWN) | F(OPTION) | F(CONTROL) | F(CLOSE),
            .when = FACTS_FD_FAILED | FACTS_NO_FD,
            ON_EVENT(cre_03),
        },
    [ORACLE_CRE_04] =
        {
            .id = "CRE-04",
            .title = "A descriptor given up after a failed bind, listen or connect is closed.",
            BOTH,
            GOOD_FAIL,
            .cite = "POSIX connect() APPLICATION USAGE; connect(2) NOTES",
            .why = "Descriptor leaks on error and abort paths are the most common lifecycle bug of "
                   "all: a client that retries a dead server once a second is out of descriptors "
                   "after a quarter of an hour.",
            .observed =
                "The descriptor of a failed attempt is open when the program, having slept, "
                "goes on with another socket, when a client that has made another attempt "
                "ends, or when the run has gone quiet.",
            SEEN_BY(CALLS),
            .kinds = K(EXIT),
            .phases = PHASE(QUIET),
            .calls_done = F(CLOSE) | F(BIND) | F(LISTEN) | F(CONNECT),
            .calls_failed = F(CONNECT) | F(BIND),
            .when = FACTS_GIVEN_UP,
            ON_EVENT(cre_04),
        },
    [ORACLE_CRE_06] =
        {
            .id = "CRE-06",
            .title = "A server on a fixed port sets SO_REUSEADDR before bind, so that a restart "
                     "succeeds while old connections are in TIME-WAIT.",
            SERVER,
            GOOD,
            .cite = "ip(7) DESCRIPTION; socket(7) SO_REUSEADDR; RFC 9293 3.6.1 MUST-13",
            .why =
                "The side that closes first stays in TIME-WAIT; without the option a server that "
                "is restarted within a minute cannot bind and stays down.",
            .observed = "bind to a port other than 0 without SO_REUSEADDR set on the descriptor "
                        "before.",
            SEEN_BY(CALLS),
            .promises = TRACE_FIXED_PORT,
            .calls_done = F(BIND),
            .calls_failed = F(BIND),
            ON_EVENT(cre_06),
        },
    [ORACLE_CRE_12] =
        {
            .id = "CRE-12",
            .title = "A program that connects without blocking reads SO_ERROR, or calls connect "
                     "again, before it treats the socket as connected: writability alone is not "
                     "success.",
            CLIENT,
            GOOD_FAIL,
            .cite = "connect(2) EINPROGRESS; POSIX connect(), select()",
            .why =
                "A refused connection is reported writable as well. A client that takes the report "
                "for success sends its first request into nothing and blames the network.",
            .observed =
                "After connect gave EINPROGRESS, a send or a failing recv on the descriptor "
                "with no getsockopt(SO_ERROR), getpeername or second connect in between.",
            SEEN_BY(CALLS),
            .calls_done = F(SEND) | F(RECV) | F(OPTION) | F(CONNECT),
            .calls_failed = F(SEND) | F(RECV) | F(CONNECT),
            .when = FACTS_FD_PROGRESS,
            ON_EVENT(cre_12),
        },
    [ORACLE_CRE_14] =
        {
            .id = "CRE-14",
            .title =
                "A connect interrupted by a signal goes on: the program waits for writability or "
                "calls connect again, and does not take the interruption, EALREADY or EISCONN "
                "for failure.",
            .binds = ORACLE_CLIENT | ORACLE_STACK,
            GOOD,
            .cite =
                "POSIX connect() EINTR, EALREADY, EISCONN; signal(7) Interruption of system calls",
            .why = "A profiler's or a child's signal then makes a connection attempt fail that was "
                   "about to succeed.",
            .observed = "connect answered EINTR, and the program closed the descriptor or ended "
                        "without having waited for it.",
            SEEN_BY(CALLS),
            .kinds = K(EXIT),
            .calls_done = F(CLOSE) | F(CONNECT) | F(SEND) | F(RECV),
            .calls_failed = F(CLOSE),
            .when = FACTS_CONNECT_INTR,
            ON_EVENT(cre_14),
            .stack_calls = C(CONNECT),
            ON_STACK(cre_14),
        },
    [ORACLE_CRE_16] =
        {
            .id = "CRE-16",
            .title = "After a failed connect the state of the socket is unspecified: a portable "
                     "client closes it and makes a new one. Linux lets the same socket try again.",
            CLIENT,
            CHOICE,
            .cite = "POSIX connect() APPLICATION USAGE; connect(2) NOTES",
            .why =
                "On systems that leave such a socket unusable every retry fails until the program "
                "is restarted.",
            .observed = "connect on a descriptor whose connect had failed: allowed by the rule set "
                        "linux and reported as INFO, broken under posix.",
            SEEN_BY(CALLS),
            .calls_done = F(CONNECT) | F(CLOSE),
            .calls_failed = F(CONNECT),
            .when = FACTS_FD_FAILED,
            ON_EVENT(cre_16),
        },
    [ORACLE_CRE_20] =
        {
            .id = "CRE-20",
            .title = "A client gives up connecting to a host that does not answer before its "
                     "configured limit.",
            CLIENT,
            GOOD,
            .cite = "RFC 9293 3.8.3 (the application can give up sooner); socket(7) SO_SNDTIMEO; "
                    "tcp(7) tcp_syn_retries",
            .why =
                "The kernel's own limit is about two minutes: a client without a timer of its own "
                "hangs that long, once per address.",
            .observed = "The time from connect to the close of the descriptor, to an established "
                        "connection or to the end of the program exceeds connect_limit_us.",
            SEEN_BY(CALLS | STATES),
            ON_END(cre_20),
        },
    [ORACLE_ACC_06] =
        {
            .id = "ACC-06",
            .title =
                "A program sets O_NONBLOCK explicitly on accepted descriptors (accept4, fcntl or "
                "FIONBIO) and never relies on inheritance.",
            SERVER,
            SHOULD,
            .cite = "accept(2) STANDARDS; DESCRIPTION (accept4)",
            .why = "Linux does not hand O_NONBLOCK of the listener on, BSD does: an event loop "
                   "written on the one blocks on the other.",
            .observed =
                "A descriptor accepted from an O_NONBLOCK listener, reported by a wait, and "
                "used without any call that set its flags. FD_CLOEXEC is not judged: no trace "
                "shows whether the program would exec.",
            SEEN_BY(CALLS),
            .calls_done = F(RECV) | F(SEND),
            .calls_failed = F(RECV) | F(SEND),
            .when_kept = FACTS_FD_CHANCE,
            ON_EVENT(acc_06),
        },
    [ORACLE_ACC_09] =
        {
            .id = "ACC-09",
            .title =
                "A server treats ECONNABORTED, EINTR, EAGAIN, EPROTO and pending network errors "
                "from accept as reasons to try again; the next client is served.",
            SERVER,
            SHOULD_FAIL,
            .cite = "accept(2) RETURN VALUE, Error handling; POSIX accept() ECONNABORTED, EINTR, "
                    "EPROTO",
            .why =
                "One client that resets at the wrong moment takes the whole server down, or makes "
                "it deaf while it looks alive.",
            .observed =
                "After such an error the program ends or closes its listener without having "
                "slept, or a completed connection is never accepted.",
            SEEN_BY(CALLS | STATES | EXITS),
            .calls_done = F(ACCEPT) | F(CLOSE),
            .calls_failed = F(ACCEPT),
            .when = FACTS_SOFT_ACCEPT,
            ON_EVENT(acc_09),
            ON_END(acc_09),
        },
    [ORACLE_ACC_10] =
        {
            .id = "ACC-10",
            .title =
                "A listener that is waited for with poll, select or epoll is O_NONBLOCK, since "
                "the connection may be gone before accept.",
            SERVER,
            GOOD,
            .cite = "accept(2) NOTES; select(2) BUGS",
            .why =
                "Between the report and accept the client may have reset: a blocking accept then "
                "stops the whole loop until somebody else connects.",
            .observed = "accept on a descriptor without O_NONBLOCK after a wait had reported it.",
            SEEN_BY(CALLS),
            .calls_done = F(ACCEPT),
            .calls_failed = F(ACCEPT),
            .when = FACTS_FD_READY,
            ON_EVENT(acc_10),
        },
    [ORACLE_ACC_12] =
        {
            .id = "ACC-12",
            .title =
                "Out of descriptors (EMFILE, ENFILE) a server neither ends nor spins, and serves "
                "again once descriptors are free.",
            SERVER,
            GOOD_FAIL,
            .cite = "accept(2) EMFILE, ENFILE; POSIX accept() EMFILE, ENFILE",
            .why =
                "The connection stays queued and the listener stays readable, so a loop that "
                "merely tries again uses a whole processor; nine of 117 collected bugs are of this "
                "kind.",
            .observed =
                "A spin on accept with EMFILE or ENFILE, an end right after it, a hundred such "
                "answers "
                "within a second each of which it wrote a message about, a completed connection "
                "that is never accepted although the limit was lifted, or a listener that it "
                "closed "
                "for want of descriptors and that nothing has taken the place of when all is "
                "quiet.",
            SEEN_BY(CALLS | STATES | EXITS),
            .kinds = K(SPIN),
            .phases = PHASE(QUIET),
            .calls_done = F(ACCEPT),
            .when = FACTS_FULL,
            .when_kept = FACTS_NEVER,
            ON_EVENT(acc_12),
            ON_END(acc_12),
        },
    [ORACLE_ACC_16] =
        {
            .id = "ACC-16",
            .title =
                "In an event loop no accepted descriptor can block: one stalled client does not "
                "stop the others.",
            SERVER,
            GOOD,
            .cite = "epoll(7) Level-triggered and edge-triggered; select(2) BUGS",
            .why =
                "A report says that one call will not block, not the next one: a long write to a "
                "slow reader stops every other client.",
            .observed = "In a program whose waits report both the listener and connections, a "
                        "transfer on an accepted descriptor that is not O_NONBLOCK and without "
                        "MSG_DONTWAIT.",
            SEEN_BY(CALLS),
            .kinds = K(BLOCK),
            .calls_done = F(RECV) | F(SEND),
            .calls_failed = F(RECV) | F(SEND),
            .when_kept = FACTS_FD_BLOCKING,
            ON_EVENT(acc_16),
        },
    [ORACLE_DAT_02] =
        {
            .id = "DAT-02",
            .title =
                "A reader goes on reading until its own framing is complete: a message split at "
                "any byte gives the same result as one that came whole.",
            BOTH,
            GOOD_FAIL,
            .cite = "POSIX XSH 2.10.6, recv(), read(); RFC 9293 2.2, 3.9.1.2",
            .why =
                "On a local network a request nearly always comes in one piece; across a slow link "
                "it does not, and the server answers a half request or drops it.",
            .observed =
                "A message whose bytes came in more than one receive was answered wrongly or "
                "never, or the program closed in the middle of one, and nothing excuses it.",
            SEEN_BY(CALLS | BYTES),
            .says = SAYS(RESPONSE_COMPLETE),
            .calls_done = F(CLOSE),
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_02),
            ON_END(dat_02),
        },
    [ORACLE_DAT_03] =
        {
            .id = "DAT-03",
            .title = "A writer resumes a partial write at the right offset: the output is the same "
                     "for every schedule of partial writes.",
            BOTH,
            GOOD_FAIL,
            .cite = "POSIX XSH 2.10.7, write() RATIONALE; send(2) RETURN VALUE",
            .why = "Responses larger than the send buffer lose their middle or their end; short "
                   "writes show only with slow readers.",
            .observed =
                "After a send that took less than asked, the message came out wrong or never "
                "complete, and nothing excuses it.",
            SEEN_BY(CALLS | BYTES),
            .says = SAYS(RESPONSE_COMPLETE) | SAYS(REQUEST_COMPLETE),
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_03),
            ON_END(dat_03),
        },
    [ORACLE_DAT_05] =
        {
            .id = "DAT-05",
            .title = "Answered EAGAIN, the program waits for readiness and does not spin.",
            BOTH,
            GOOD_FAIL,
            .cite = "send(2) EAGAIN; POSIX send()",
            .why = "One client that does not read makes the server use a whole processor.",
            .observed = "A spin in which a transfer or accept answers EAGAIN without a sleep.",
            SEEN_BY(CALLS),
            .kinds = K(SPIN),
            .calls_done = F(SEND),
            .when = FACTS_SEND_AGAIN,
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_05),
        },
    [ORACLE_DAT_06] =
        {
            .id = "DAT-06",
            .title = "A transfer or accept that was interrupted before anything moved (EINTR) is "
                     "tried again; a stack gives the count where a part had moved.",
            .binds = ORACLE_BOTH | ORACLE_STACK,
            GOOD_FAIL,
            .cite = "POSIX send(), recv(), read(), write() EINTR; signal(7) Interruption of system "
                    "calls",
            .why = "A window resize, a timer or a child's end then cuts a connection; seven of 117 "
                   "collected bugs take EINTR or EAGAIN for an error.",
            .observed =
                "A receive, send or accept answered EINTR, and the descriptor was closed or "
                "the program ended without another try. SIGALRM and stop signals are left "
                "out: with them EINTR may be meant. Of a stack: transfers that wait, and a handled "
                "signal.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(EXIT) | K(BLOCK),
            .calls_done = F(RECV) | F(SEND) | F(ACCEPT) | F(CLOSE),
            .calls_failed = F(RECV) | F(SEND) | F(ACCEPT),
            .when = FACTS_FD_INTR,
            ON_EVENT(dat_06),
            .stack_calls = C(RECV) | C(SEND),
            ON_STACK(dat_06),
        },
    [ORACLE_DAT_08] =
        {
            .id = "DAT-08",
            .title =
                "A program acts on recv() == 0 as the end of the stream: it does not take it for "
                "data or EAGAIN and does not ask for input again.",
            BOTH,
            GOOD_FAIL,
            .cite = "recv(2) RETURN VALUE; POSIX recv() RETURN VALUE",
            .why =
                "The end of a stream stays readable: a loop that ignores it is woken at once, for "
                "ever. Fourteen of 117 collected bugs are such busy loops.",
            .observed = "A spin in which a receive returns 0, or in which input is reported on a "
                        "connection whose end had been read.",
            SEEN_BY(CALLS),
            .kinds = K(SPIN),
            .calls_done = F(CLOSE) | F(SHUTDOWN),
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_08),
        },
    [ORACLE_DAT_14] =
        {
            .id = "DAT-14",
            .title = "A new application does not use urgent data; one that must sets SO_OOBINLINE.",
            BOTH,
            SHOULD,
            .cite = "RFC 9293 3.8.5 SHLD-13; tcp(7) Sockets API (urgent data)",
            .why = "Stacks disagree where the urgent byte lies and middleboxes clear the flag: the "
                   "byte is lost or lands in the stream.",
            .observed = "A send with MSG_OOB, or a receive with MSG_OOB without SO_OOBINLINE.",
            SEEN_BY(CALLS),
            .calls_done = F(SEND) | F(RECV),
            .when_kept = FACTS_OUT_OF_BAND,
            ON_EVENT(dat_14),
        },
    [ORACLE_DAT_18] =
        {
            .id = "DAT-18",
            .title = "In a server that is concurrent a slow or stalled peer does not stop other "
                     "connections.",
            SERVER,
            GOOD,
            .cite = "poll(2) POLLOUT; select(2) BUGS",
            .why = "One client on a bad link freezes the service for all; it is also the cheapest "
                   "attack there is.",
            .observed =
                "The program sleeps in a transfer on one connection, nothing else can happen, "
                "and a request on another one is unanswered. Or the thread of the other one waits "
                "for a lock that the sleeping thread holds.",
            SEEN_BY(CALLS | BYTES | STATES),
            .promises = TRACE_CONCURRENT,
            .kinds = K(STEP),
            .phases = PHASE(PLAYED),
            .says = SAYS(RESPONSE_COMPLETE),
            .when = FACTS_ANY_STALLED | FACTS_SLEPT_ON_ONE,
            .when_kept = FACTS_SLEPT_ON_ONE,
            ON_EVENT(dat_18),
        },
    [ORACLE_DAT_19] =
        {
            .id = "DAT-19",
            .title =
                "Memory queued for a stalled reader is bounded: the program stops reading where "
                "it cannot write.",
            BOTH,
            GOOD,
            .cite = "RFC 9293 3.8.6 (flow control ends at the application)",
            .why =
                "A proxy or a broadcast server that queues without a limit is killed by the first "
                "reader that stops.",
            .observed =
                "With sixteen requests or more unanswered on a connection whose peer reads "
                "nothing: the memory that the program holds, beside that when it was ready. "
                "3 MiB more is unbounded, less than 1 MiB is bounded.",
            SEEN_BY(TRACE_SEES_HEAP | CALLS | BYTES),
            .phases = PHASE(PLAYED),
            ON_EVENT(dat_19),
        },
    [ORACLE_DAT_20] =
        {
            .id = "DAT-20",
            .title = "EAGAIN from a receive, send or accept is neither an error nor the end, also "
                     "right after a readiness report: the connection is kept.",
            BOTH,
            GOOD_FAIL,
            .cite = "recv(2), send(2), accept(2) EAGAIN; select(2) BUGS",
            .why =
                "A report may be false, a pipelined request may be half there: the program drops a "
                "healthy connection.",
            .observed =
                "On an O_NONBLOCK descriptor a call answered EAGAIN, and the program closed "
                "it or ended, without a wait in between and with the dialogue unfinished; of a "
                "child, it ended with a failure's status.",
            SEEN_BY(CALLS),
            .kinds = K(READY) | K(EXIT) | K(PROCESS),
            .calls_done = F(CLOSE),
            .when = FACTS_FD_AGAIN,
            ON_EVENT(dat_20),
            ON_END(dat_20),
        },
    [ORACLE_DAT_21] =
        {
            .id = "DAT-21",
            .title = "Bytes received before a FIN, RST or hang-up are processed: on input together "
                     "with HUP, RDHUP or ERR the program reads before it closes.",
            BOTH,
            GOOD_FAIL,
            .cite = "poll(2) POLLHUP, POLLRDHUP; RFC 9293 3.10.3 (CLOSE-WAIT)",
            .why =
                "A peer that sends its last message and closes at once is the normal case; four of "
                "117 collected bugs drop that message.",
            .observed =
                "A wait reported input together with HUP, RDHUP or ERR, bytes were there, and "
                "the descriptor was closed without reading them.",
            SEEN_BY(CALLS | BYTES),
            .calls_done = F(RECV) | F(CLOSE),
            .when = FACTS_FD_IN_HUP,
            ON_EVENT(dat_21),
        },
    [ORACLE_DAT_22] =
        {
            .id = "DAT-22",
            .title =
                "One read may hold several messages, or the end of one and the start of the "
                "next: what is left over is kept and processed without waiting for more input.",
            SERVER,
            GOOD_FAIL,
            .cite = "POSIX XSH 2.10.6; RFC 9293 2.2, 3.9.1.2",
            .why =
                "A pipelining client hangs: its second request lies in a buffer that nobody looks "
                "at until a third one comes.",
            .observed =
                "Of two messages that one receive brought, the second was answered wrongly or "
                "never, and nothing excuses it.",
            SEEN_BY(CALLS | BYTES),
            .says = SAYS(RESPONSE_COMPLETE),
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_22),
            ON_END(dat_22),
        },
    [ORACLE_DAT_23] =
        {
            .id = "DAT-23",
            .title = "A response goes out whole to a peer that reads slowly or in small windows: "
                     "neither close nor a timer cuts it while the peer makes progress.",
            SERVER,
            GOOD_FAIL,
            .cite = "RFC 9293 3.9.1.4, 3.8.6.1; POSIX XSH 2.10.7",
            .why =
                "Large downloads end early on slow links and nowhere else; the server's log says "
                "that all was sent.",
            .observed =
                "The program ended the connection within a response to a peer that had "
                "stalled and gone on, or whose window had been full, and nothing excuses it.",
            SEEN_BY(CALLS | BYTES),
            .says = SAYS(RESPONSE_COMPLETE),
            .when = FACTS_ANY_STALLED,
            .when_kept = FACTS_NEVER,
            ON_EVENT(dat_23),
            ON_END(dat_23),
        },
    [ORACLE_HCL_04] =
        {
            .id = "HCL-04",
            .title =
                "A request/response server answers a request whose FIN came with it: the whole "
                "response goes out before its own FIN.",
            SERVER,
            GOOD,
            .cite = "RFC 9293 3.6.1, 3.6 case 2; the profile's contract",
            .why =
                "Clients that say “this was all” with shutdown(SHUT_WR) get nothing from a server "
                "that takes half-close for close; five of 117 collected bugs do.",
            .observed = "After the peer's half-close, the response to a request sent before it "
                        "completes or does not. Without the profile's promise either is INFO.",
            SEEN_BY(STATES | BYTES),
            ON_END(hcl_04),
        },
    [ORACLE_HCL_05] =
        {
            .id = "HCL-05",
            .title =
                "A relay hands a FIN on in each direction by itself: end of stream on one side "
                "becomes SHUT_WR on the other, and the other direction stays open.",
            BOTH,
            GOOD,
            .cite = "RFC 9293 3.6.1",
            .why =
                "Protocols that half-close work directly and hang or lose their answer through the "
                "relay.",
            .observed = "The end of the stream on one connection, and shutdown(SHUT_WR) on the one "
                        "that it feeds.",
            .reason =
                "a trace does not say which connection feeds which: that is the relay's intent, "
                "and a scenario talks to one side only",
        },
    [ORACLE_HCL_09] =
        {
            .id = "HCL-09",
            .title =
                "A program that called shutdown(SHUT_WR) reads to the end of the stream, or for "
                "a limited time, before it closes.",
            BOTH,
            GOOD,
            .cite = "RFC 9293 3.6.1, 3.9.1.4",
            .why =
                "A close with input still on its way is answered by RST, which may take the last "
                "response out of the peer's hands.",
            .observed = "close after shutdown(SHUT_WR) with neither an end, an error nor a wait in "
                        "between.",
            SEEN_BY(CALLS),
            .calls_done = F(CLOSE),
            .when = FACTS_ANY_SHUT,
            ON_EVENT(hcl_09),
        },
    [ORACLE_CLO_06] =
        {
            .id = "CLO-06",
            .title =
                "A server closes each accepted connection in bounded time after the peer's FIN "
                "and its own last byte: nothing stays in CLOSE-WAIT.",
            SERVER,
            GOOD_FAIL,
            .cite = "RFC 9293 3.3.2 (CLOSE-WAIT waits for the local user), 3.6 case 2",
            .why =
                "CLOSE-WAIT has no timer: each forgotten connection holds a descriptor until the "
                "process ends. Seven of 117 collected bugs.",
            .observed =
                "An accepted connection whose end is in CLOSE-WAIT when the peers have closed "
                "and the clock has run to the idle limit.",
            SEEN_BY(STATES | BYTES),
            .phases = PHASE(QUIET),
            ON_EVENT(clo_06),
        },
    [ORACLE_CLO_07] =
        {
            .id = "CLO-07",
            .title = "A client closes each connection in bounded time after the peer's FIN; a pool "
                     "discards such connections before it uses them again.",
            CLIENT,
            GOOD_FAIL,
            .cite = "RFC 9293 3.3.2 (CLOSE-WAIT), 3.6 case 2",
            .why =
                "A connection pool fills with dead connections, and the first request on each of "
                "them fails.",
            .observed = "A client's connection is in CLOSE-WAIT when the peers have closed and the "
                        "clock has run to the "
                        "idle limit; or it was when the client, having read its end, made the next "
                        "one and ended.",
            SEEN_BY(CALLS | STATES),
            .kinds = K(EXIT),
            .phases = PHASE(QUIET),
            ON_EVENT(clo_06),
        },
    [ORACLE_CLO_12] =
        {
            .id = "CLO-12",
            .title =
                "On its stop signal a server closes its listener first, finishes or bounds its "
                "open connections, and ends in limited time.",
            SERVER,
            GOOD,
            .cite = "signal(7) Interruption of system calls",
            .why =
                "Supervisors wait for a while and then kill: requests in progress are cut, and a "
                "deployment takes minutes.",
            .observed = "A handler of the program took the stop signal, and the program slept "
                        "again and then accepted another connection, or was there still ten "
                        "seconds later and in no send; or it had to be left by force, also where "
                        "it ignores the "
                        "signal.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(EXIT),
            .calls_done = F(ACCEPT),
            .phases = PHASE(PLAYED),
            .when = FACTS_STOP_HANDLED,
            ON_EVENT(clo_12),
        },
    [ORACLE_CLO_15] =
        {
            .id = "CLO-15",
            .title =
                "A side whose protocol ends the message by closing, or that announced a close, "
                "sends its FIN in bounded time after its last byte and does not wait for the "
                "peer's.",
            SERVER,
            GOOD,
            .cite = "RFC 9293 3.9.1.4 (CLOSE means: no more to send); the profile's contract",
            .why = "Both sides wait for each other until a timer ends it: a request that takes a "
                   "millisecond takes a minute.",
            .observed = "After the answer to the last request the program sleeps without having "
                        "closed or shut its side, when no step is left; or it did so more than a "
                        "second later, and the peer had done nothing.",
            SEEN_BY(CALLS | BYTES),
            .phases = PHASE(PLAYED),
            ON_EVENT(clo_15),
        },
    [ORACLE_CLO_16] =
        {
            .id = "CLO-16",
            .title = "Toward a peer that reads everything and sends nothing out of turn a program "
                     "ends with FIN, not RST.",
            BOTH,
            GOOD,
            .cite = "RFC 9293 3.6, 3.6.1 SHLD-3 (an RST says that data was lost)",
            .why =
                "The peer cannot tell a whole answer from a cut one, and logs an error for every "
                "success.",
            .observed =
                "The peer saw an RST after the program's close although all it had sent was "
                "answered.",
            SEEN_BY(CALLS | BYTES),
            ON_END(clo_16),
        },
    [ORACLE_RST_05] =
        {
            .id = "RST-05",
            .title = "A program never closes with unread input when its last response matters: it "
                     "shuts down its side, drains, then closes.",
            SERVER,
            GOOD_FAIL,
            .cite = "RFC 9293 3.6.1 SHLD-3",
            .why =
                "The kernel answers unread input with RST, and the RST throws away the response "
                "that is still on its way: uploads that are refused show as connection reset. Six "
                "of 117 collected bugs.",
            .observed =
                "The program closed, the peer saw an RST and its response was never complete, "
                "without an abort on purpose.",
            SEEN_BY(CALLS | BYTES),
            ON_END(rst_05),
        },
    [ORACLE_RST_13] =
        {
            .id = "RST-13",
            .title = "A server survives an RST at every byte of the dialogue: other connections "
                     "untouched, the descriptor closed, the process alive.",
            SERVER,
            GOOD_FAIL,
            .cite = "RFC 9293 3.6 MUST-12; send(2) ECONNRESET; POSIX recv() ECONNRESET",
            .why =
                "Clients reset all the time: a tab is closed, a phone leaves the cell. Leaks and "
                "crashes on that path are the largest class of bugs.",
            .observed =
                "After an RST that reached the program: its end, a descriptor still open when "
                "all is quiet, or another connection without service.",
            SEEN_BY(CALLS | STATES | EXITS),
            .phases = PHASE(QUIET),
            ON_EVENT(rst_13),
            ON_END(rst_13),
        },
    [ORACLE_RST_14] =
        {
            .id = "RST-14",
            .title =
                "A client reports an RST or an early end within a response and does not present "
                "truncated data as complete.",
            CLIENT,
            GOOD,
            .cite = "RFC 9293 3.6 MUST-12; POSIX recv() ECONNRESET",
            .why = "A backup that ended early and exited with 0 is found out when it is needed.",
            .observed =
                "The peer ended the connection within a response, no later connection brought "
                "a whole one, and the exit status is 0.",
            SEEN_BY(CALLS | STATES | EXITS | BYTES),
            .kinds = K(EXIT),
            ON_EVENT(rst_14),
        },
    [ORACLE_TWT_06] =
        {
            .id = "TWT-06",
            .title = "A client that runs out of local ports (EADDRNOTAVAIL) tries later or reports "
                     "it.",
            CLIENT,
            GOOD,
            .cite = "connect(2) EADDRNOTAVAIL; ip(7) ip_local_port_range",
            .why =
                "The side that closes first keeps the port for a minute in TIME-WAIT; a client "
                "that opens connections at a high rate runs dry and then spins or fails silently.",
            .observed =
                "connect or bind answered EADDRNOTAVAIL, followed by a spin, a crash, or exit "
                "status 0 without a connection.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(SPIN),
            ON_EVENT(twt_06),
            ON_END(twt_06),
        },
    [ORACLE_TWT_07] =
        {
            .id = "TWT-07",
            .title =
                "A program does not use SO_LINGER {1,0} merely to avoid TIME-WAIT while data may "
                "be unacknowledged.",
            BOTH,
            GOOD,
            .cite = "RFC 9293 3.9.1.6, 3.10.5 (ABORT flushes the queues); socket(7) SO_LINGER",
            .why = "The abort throws away what the peer has not received: it saves a kernel record "
                   "and loses the end of the response.",
            .observed = "SO_LINGER {1,0} was set, the program closed, and the peer saw an RST and "
                        "never received all that "
                        "had been sent; or it was set before the last send, and the program "
                        "aborted with neither input "
                        "nor an end after that send.",
            SEEN_BY(CALLS | BYTES),
            ON_END(twt_07),
        },
    [ORACLE_ERR_01] =
        {
            .id = "ERR-01",
            .title =
                "Writing to a connection that the peer closed does not kill the process: SIGPIPE "
                "is ignored or handled, or MSG_NOSIGNAL is used.",
            BOTH,
            GOOD_FAIL,
            .cite = "send(2) MSG_NOSIGNAL, EPIPE; signal(7) SIGPIPE; POSIX send() EPIPE",
            .why =
                "The default action ends the whole process because one client left early; five of "
                "117 collected bugs.",
            .observed = "SIGPIPE from a transfer killed the program. A process that serves one "
                        "connection, and ends with it, breaks nothing.",
            SEEN_BY(EXITS),
            .kinds = K(EXIT),
            .calls_failed = F(SEND),
            .when_kept = FACTS_NEVER,
            ON_EVENT(err_01),
        },
    [ORACLE_ERR_03] =
        {
            .id = "ERR-03",
            .title =
                "A program does not take send() > 0 as delivery: the first send after the peer's "
                "close succeeds, and only the next one fails.",
            .binds = ORACLE_CLIENT | ORACLE_STACK,
            GOOD,
            .cite = "send(2) DESCRIPTION (no indication of failure to deliver)",
            .why = "Fire-and-forget clients lose the last messages before every restart of the "
                   "server, without a trace.",
            .observed =
                "A client's bytes went to a peer that had ended, no response came on this or "
                "a later connection, and the exit status is 0.",
            SEEN_BY(CALLS | STATES | EXITS | BYTES),
            .kinds = K(EXIT),
            ON_EVENT(err_03),
            .stack_calls = C(SEND),
            ON_STACK(err_03),
        },
    [ORACLE_ERR_06] =
        {
            .id = "ERR-06",
            .title = "An error of one connection closes that connection only: listener and other "
                     "connections live.",
            SERVER,
            GOOD,
            .cite = "RFC 9293 3.6 MUST-12; send(2) ECONNRESET; POSIX recv() ECONNRESET",
            .why = "An error path that was written for start-up ends the server for everybody.",
            .observed = "A transfer failed, and the program ended or closed its listener without "
                        "having slept in between.",
            SEEN_BY(CALLS | EXITS),
            .calls_done = F(CLOSE),
            .when = FACTS_CONN_ERROR,
            ON_EVENT(err_06),
            ON_END(err_06),
        },
    [ORACLE_ERR_07] =
        {
            .id = "ERR-07",
            .title = "errno is not used after a call that succeeded, and is saved across calls for "
                     "cleanup.",
            BOTH,
            SHOULD,
            .cite = "errno(3) DESCRIPTION, NOTES; POSIX errno",
            .why =
                "The message names the wrong error, or a stale EAGAIN turns a real failure into an "
                "endless retry.",
            .observed = "Reads of errno, which are no calls.",
            .reason =
                "reading errno is no call and leaves no trace; what it leads to shows under the "
                "rules on EAGAIN, EINTR and exits",
        },
    [ORACLE_ERR_09] =
        {
            .id = "ERR-09",
            .title = "ENOBUFS and ENOMEM from any call are handled as passing failures.",
            BOTH,
            GOOD,
            .cite = "accept(2), socket(2), send(2): ENOBUFS, ENOMEM; POSIX connect(), recv() "
                    "ENOBUFS, ENOMEM",
            .why =
                "Kernel memory is short for a moment and a server that had run for months is gone.",
            .observed = "A call answered ENOBUFS or ENOMEM, and the program ended, spun, or left a "
                        "connection in the queue for ever.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(SPIN),
            ON_EVENT(err_09),
            ON_END(err_09),
        },
    [ORACLE_RDY_07] =
        {
            .id = "RDY-07",
            .title = "A program that uses EPOLLET reads and accepts until EAGAIN after each event.",
            BOTH,
            GOOD_FAIL,
            .cite = "epoll(7) Level-triggered and edge-triggered; Questions and answers",
            .why =
                "No second event comes for what was left: the client waits for an answer to bytes "
                "that the server has, until it sends more. Four of 117 collected bugs.",
            .observed =
                "Input was reported at an edge, the program went to sleep without having read "
                "to EAGAIN or the end, and bytes or a connection were left.",
            SEEN_BY(CALLS | BYTES | STATES),
            .phases = PHASE(PLAYED),
            .peers = PEER(SENT) | PEER(SHUT_WRITE) | PEER(RESET) | PEER(CLOSED),
            .calls_done = F(RECV),
            .calls_failed = F(RECV) | F(ACCEPT),
            .when = FACTS_ANY_EDGE,
            ON_EVENT(rdy_07),
            ON_END(rdy_07),
        },
    [ORACLE_RDY_08] =
        {
            .id = "RDY-08",
            .title =
                "A batch of events may hold one of a descriptor that was closed earlier in the "
                "batch: the program does not act on the number, used again or not.",
            BOTH,
            GOOD,
            .cite = "epoll(7) Possible pitfalls and ways to avoid them: If using an event cache",
            .why =
                "Bytes of one client are read, or its connection is closed, on behalf of another "
                "one; it happens only under load.",
            .observed =
                "A transfer on a reported number that was closed since the report: EBADF, or "
                "nothing there although others had been served in between.",
            SEEN_BY(CALLS),
            .calls_done = F(WAIT),
            .calls_failed = F(WAIT) | F(RECV) | F(SEND),
            .when = FACTS_BATCH_CLOSED,
            ON_EVENT(rdy_08),
        },
    [ORACLE_RDY_10] =
        {
            .id = "RDY-10",
            .title = "On HUP or ERR the program removes or closes the descriptor, also without "
                     "interest in input.",
            BOTH,
            GOOD_FAIL,
            .cite = "poll(2) POLLERR, POLLHUP (ignored in events, always reported)",
            .why =
                "Both are reported unasked: a loop that looks only at the bits it asked for never "
                "sleeps again.",
            .observed = "A spin in which HUP or ERR is reported, or a transfer fails for good, and "
                        "nothing is read or closed.",
            SEEN_BY(CALLS),
            .kinds = K(SPIN),
            .calls_done = F(CLOSE) | F(CONTROL),
            .when = FACTS_FD_HUP,
            .when_kept = FACTS_NEVER,
            ON_EVENT(rdy_10),
        },
    [ORACLE_RDY_11] =
        {
            .id = "RDY-11",
            .title = "select is not used with descriptors of FD_SETSIZE and above.",
            BOTH,
            MUST,
            .cite = "select(2) DESCRIPTION (WARNING), NOTES; POSIX select(): FD_SET undefined",
            .why = "FD_SET writes past the set: memory is damaged once a thousand clients are "
                   "connected.",
            .observed = "select with a highest number above FD_SETSIZE.",
            SEEN_BY(CALLS),
            .calls_done = F(WAIT),
            .calls_failed = F(WAIT),
            .calls = C(SELECT) | C(PSELECT),
            ON_EVENT(rdy_11),
        },
    [ORACLE_RDY_13] =
        {
            .id = "RDY-13",
            .title =
                "A program with nothing ready and no timer due sleeps; it asks for POLLOUT only "
                "while it has bytes to send or a connect pending.",
            BOTH,
            GOOD_FAIL,
            .cite = "poll(2) POLLOUT; epoll(7) Level-triggered and edge-triggered",
            .why =
                "A connected socket is nearly always writable: standing interest in output turns "
                "the loop into a busy one.",
            .observed = "A spin that no other rule owns, or processor use without any call.",
            SEEN_BY(CALLS),
            .kinds = K(SPIN) | K(EXIT) | K(BLOCK),
            .when_kept = FACTS_NEVER,
            ON_EVENT(rdy_13),
        },
    [ORACLE_RDY_14] =
        {
            .id = "RDY-14",
            .title =
                "EINTR from poll, select or epoll_wait is not an error: the program waits again. "
                "Linux never restarts these calls, SA_RESTART or not.",
            BOTH,
            GOOD_FAIL,
            .cite = "signal(7) Interruption of system calls; poll(2), select(2), epoll_wait(2) "
                    "EINTR",
            .why = "A debugger, a resize or a log rotation ends a server.",
            .observed =
                "A wait answered EINTR, and the program ended or closed its listener or a "
                "healthy connection before it waited again. SIGALRM and stop signals are left "
                "out, a scenario's SIGUSR1 and SIGUSR2, which may ask it to end, and runs in which "
                "a child failed: its parent may follow it.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(EXIT) | K(BLOCK),
            .calls_done = F(WAIT) | F(CLOSE),
            .calls_failed = F(WAIT),
            .when = FACTS_WAIT_INTR,
            ON_EVENT(rdy_14),
        },
    [ORACLE_TMO_03] =
        {
            .id = "TMO-03",
            .title =
                "A server bounds the time of a silent connection, by its own timer, keepalive or "
                "TCP_USER_TIMEOUT.",
            SERVER,
            GOOD,
            .cite = "RFC 9293 2.2 (no liveness detection), 3.5.1 (half-open connections)",
            .why = "Peers vanish without a word: laptops sleep, NATs forget. Each such connection "
                   "stays until the process ends; four of 117 collected bugs.",
            .observed = "A connection whose peer owed the next move was silent for more than "
                        "idle_limit_us and is still open.",
            SEEN_BY(CALLS | BYTES | STATES),
            .promises = TRACE_IDLE_TIMEOUT,
            .phases = PHASE(PLAYED),
            .peers = PEER(SENT) | PEER(SHUT_WRITE) | PEER(CLOSED) | PEER(RESET),
            .calls_done = F(CLOSE),
            .when = FACTS_LATE,
            ON_EVENT(tmo_03),
        },
    [ORACLE_TMO_04] =
        {
            .id = "TMO-04",
            .title = "A client bounds the wait for a response.",
            CLIENT,
            GOOD,
            .cite = "socket(7) SO_RCVTIMEO; RFC 9293 2.2 (no liveness detection)",
            .why = "A server that accepted and hangs makes every client hang with it.",
            .observed = "A request was complete, no byte of a response came for more than "
                        "idle_limit_us, and the connection is still open.",
            SEEN_BY(CALLS | BYTES | STATES),
            .kinds = K(EXIT),
            .phases = PHASE(PLAYED),
            .peers = PEER(SENT) | PEER(SHUT_WRITE) | PEER(CLOSED) | PEER(RESET),
            .calls_done = F(CLOSE),
            .when = FACTS_LATE,
            ON_EVENT(tmo_04),
        },
    [ORACLE_TMO_06] =
        {
            .id = "TMO-06",
            .title = "Timers use a monotonic clock: a jump of the wall clock neither kills nor "
                     "immortalises connections.",
            BOTH,
            GOOD,
            .cite = "clock_gettime(2) CLOCK_MONOTONIC, CLOCK_REALTIME",
            .why = "The first time synchronisation after boot ends every connection at once.",
            .observed =
                "The wall clock jumped, and the program ended a connection that had not been "
                "silent for a second.",
            SEEN_BY(CALLS | BYTES | STATES),
            .peers = PEER(SENT),
            .calls_done = F(CLOSE) | F(SHUTDOWN),
            .when = FACTS_CLOCK_JUMPED,
            ON_EVENT(tmo_06),
        },
    [ORACLE_TMO_07] =
        {
            .id = "TMO-07",
            .title = "A server bounds the time that it waits for a peer that reads nothing at all.",
            SERVER,
            GOOD,
            .cite = "RFC 9293 3.8.6.1 MAY-8, MUST-37; tcp(7) TCP_USER_TIMEOUT",
            .why = "A zero window may last for ever: a client that asks for much and reads nothing "
                   "holds memory and a descriptor at no cost to itself.",
            .observed = "A peer that stopped reading with bytes on their way read nothing for more "
                        "than idle_limit_us, and the connection is still open.",
            SEEN_BY(CALLS | BYTES | STATES),
            .promises = TRACE_IDLE_TIMEOUT,
            .phases = PHASE(PLAYED),
            .peers = PEER(READ) | PEER(RESUMED) | PEER(CLOSED) | PEER(RESET),
            .calls_done = F(CLOSE),
            .when = FACTS_LATE,
            ON_EVENT(tmo_07),
        },
    [ORACLE_BKL_03] =
        {
            .id = "BKL-03",
            .title =
                "A client whose connect succeeded while the server never accepted survives the "
                "later RST or timeout.",
            CLIENT,
            GOOD,
            .cite = "RFC 9293 3.5.1; listen(2) NOTES",
            .why =
                "connect succeeds as soon as the server's kernel says so: a client that is sure of "
                "its server crashes when the queue is thrown away.",
            .observed = "A connection that no peer accepted was reset, and the client crashed, was "
                        "killed, or spun.",
            SEEN_BY(CALLS | STATES | EXITS | BYTES),
            ON_END(bkl_03),
        },
    [ORACLE_BKL_04] =
        {
            .id = "BKL-04",
            .title =
                "Under a burst of more connections than its queue holds a server serves all of "
                "them in the end.",
            SERVER,
            GOOD,
            .cite = "listen(2) DESCRIPTION (a later reattempt succeeds)",
            .why =
                "Some clients of every burst hang: one accept per report, or a loop that stops at "
                "the first error, leaves the rest in the queue.",
            .observed =
                "More connections were begun than backlog + 1 and not accepted yet, and one "
                "of them was never accepted or answered.",
            SEEN_BY(CALLS | STATES | BYTES),
            ON_END(bkl_04),
        },
    [ORACLE_FDH_01] =
        {
            .id = "FDH-01",
            .title =
                "After any dialogues (normal, ended or reset at any point, timed out) the set of "
                "open descriptors equals that before the first.",
            BOTH,
            GOOD_FAIL,
            .cite = "close(2) DESCRIPTION; getrlimit(2) RLIMIT_NOFILE",
            .why = "A descriptor per failed dialogue is lost, and the server stops accepting after "
                   "days; 22 of 117 collected bugs.",
            .observed =
                "Descriptors of connections are open when the peers have closed and the clock "
                "has run to the idle limit, or several others that were not there before the "
                "first connection.",
            SEEN_BY(CALLS | FDS),
            .kinds = K(EXIT),
            .phases = PHASE(QUIET),
            ON_EVENT(fdh_01),
        },
    [ORACLE_FDH_02] =
        {
            .id = "FDH-02",
            .title = "Every descriptor is closed exactly once.",
            BOTH,
            GOOD_FAIL,
            .cite = "close(2) EBADF, NOTES",
            .why =
                "The second close hits whatever got the number in the meantime: another client's "
                "connection, a log file. Seven of 117 collected bugs.",
            .observed = "close answered EBADF for a number that the program had closed.",
            SEEN_BY(CALLS),
            .calls_done = F(CLOSE),
            .calls_failed = F(CLOSE),
            .when_kept = FACTS_FD_CLOSED,
            ON_EVENT(fdh_02),
        },
    [ORACLE_FDH_03] =
        {
            .id = "FDH-03",
            .title = "No call uses a number after its close.",
            BOTH,
            GOOD_FAIL,
            .cite = "close(2) NOTES (Multithreaded processes and close()); recv(2), send(2) EBADF",
            .why = "As long as the number is free it is an error that is ignored; as soon as it is "
                   "used again, bytes go to the wrong client.",
            .observed = "A call other than close answered EBADF, or a wait reported NVAL, for a "
                        "number that the program had closed. A number used again is judged only by "
                        "RDY-08: no other use of it is provably stale.",
            SEEN_BY(CALLS),
            .kinds = K(READY),
            .calls_done = F(CLOSE),
            .calls_failed =
                F(RECV) | F(SEND) | F(SHUTDOWN) | F(OPTION) | F(CONTROL) | F(ACCEPT) | F(NONE),
            .when_kept = FACTS_FD_CLOSED,
            ON_EVENT(fdh_03),
        },
    [ORACLE_FDH_04] =
        {
            .id = "FDH-04",
            .title =
                "close is not called again after EINTR on Linux: the descriptor is gone already.",
            BOTH,
            CHOICE,
            .cite = "close(2) NOTES (Dealing with error returns from close())",
            .why = "The number may belong to another connection by then.",
            .observed = "close on a number whose close had answered EINTR, before it was opened "
                        "again. The rule set posix leaves it open: INFO.",
            SEEN_BY(CALLS),
            .calls_done = F(CLOSE),
            .calls_failed = F(CLOSE),
            .when = FACTS_FD_CLOSE_INTR,
            ON_EVENT(fdh_04),
            ON_END(fdh_04),
        },
    [ORACLE_FDH_05] =
        {
            .id = "FDH-05",
            .title =
                "Sockets are not inherited by children that exec: FD_CLOEXEC is set atomically.",
            BOTH,
            GOOD,
            .cite = "open(2) O_CLOEXEC; socket(2) SOCK_CLOEXEC; accept(2) SOCK_CLOEXEC",
            .why =
                "A helper that was started while a client was connected keeps the connection open "
                "after the server closed it: no FIN, the client waits. Five of 117 collected bugs.",
            .observed = "A program that makes a socket with SOCK_CLOEXEC uses an accepted "
                        "descriptor that never got "
                        "FD_CLOEXEC; or another program was started with a socket beyond numbers 0 "
                        "to 2 and had not touched it when all was quiet, or when it ended "
                        "unasked. A program that asks for FD_CLOEXEC nowhere and starts no other "
                        "is not judged.",
            SEEN_BY(CALLS),
            .kinds = K(PROCESS),
            .phases = PHASE(QUIET),
            .calls_done = F(RECV) | F(SEND),
            .calls_failed = F(RECV) | F(SEND),
            .when_kept = FACTS_FD_INHERITED,
            ON_EVENT(fdh_05),
        },
    [ORACLE_FDH_06] =
        {
            .id = "FDH-06",
            .title = "In a server that forks per connection the parent closes the accepted "
                     "descriptor, the child closes the listener, and children are reaped.",
            SERVER,
            GOOD,
            .cite = "fork(2) DESCRIPTION (open file descriptors); wait(2) NOTES (zombies)",
            .why =
                "The FIN is not sent until the last copy is closed: clients hang and the process "
                "table fills.",
            .observed =
                "A child moved bytes on a connection that its parent had accepted, and: the "
                "parent's own descriptor of it was never used and is open when all is "
                "quiet; or the child answered and read on with a copy of the listener "
                "open; or, when the program is asked to stop, a child is a zombie that had "
                "ended before a later one was made.",
            SEEN_BY(CALLS | TRACE_SEES_PROCESSES),
            .kinds = K(PROCESS),
            .phases = PHASE(QUIET),
            .calls_done = F(RECV),
            ON_EVENT(fdh_06),
        },
    [ORACLE_FDH_07] =
        {
            .id = "FDH-07",
            .title =
                "A thread does not close a descriptor that another thread is blocked on; it uses "
                "shutdown.",
            BOTH,
            GOOD,
            .cite = "close(2) NOTES (Multithreaded processes and close())",
            .why = "The blocked thread is not woken, and the number may be given to somebody else "
                   "under it.",
            .observed = "A close in one thread while another thread's call on the number has not "
                        "returned.",
            SEEN_BY(CALLS | TRACE_SEES_THREADS),
            .calls_done = F(CLOSE) | F(SHUTDOWN),
            ON_EVENT(fdh_07),
        },
    [ORACLE_FDH_08] =
        {
            .id = "FDH-08",
            .title = "The listener is closed at exit and reload, and the port is free at once.",
            SERVER,
            GOOD,
            .cite = "close(2) DESCRIPTION; ip(7) DESCRIPTION; socket(7) SO_REUSEADDR",
            .why = "A child or an old worker holds the port, and the new one cannot bind.",
            .observed = "A child holds a listener when the first process has ended and all that is "
                        "left of the program sleeps.",
            SEEN_BY(EXITS | TRACE_SEES_PROCESSES),
            .kinds = K(PROCESS) | K(EXIT),
            ON_EVENT(fdh_08),
        },
    [ORACLE_FDH_09] =
        {
            .id = "FDH-09",
            .title = "Standard descriptor numbers 0 to 2 are not taken by sockets.",
            BOTH,
            GOOD,
            .cite = "close(2) DESCRIPTION; stdin(3) NOTES",
            .why =
                "Somebody's printf or error message goes to a client; it begins with close(0) from "
                "a record that was zeroed.",
            .observed =
                "socket or accept returns 0, 1 or 2 in a program that had found this number "
                "open and closed it, and no child becomes another program with a connection for "
                "a standard stream, as inetd's do.",
            SEEN_BY(CALLS | FDS),
            .calls_done = F(SOCKET) | F(ACCEPT),
            ON_EVENT(fdh_09),
            ON_END(fdh_09),
        },
    [ORACLE_FDH_10] =
        {
            .id = "FDH-10",
            .title = "When setsockopt, fcntl or ioctl fails on an accepted descriptor, the program "
                     "closes it or goes on serving it.",
            SERVER,
            GOOD,
            .cite = "setsockopt(2) ERRORS; fcntl(2) ERRORS",
            .why =
                "On a connection that was reset before accept the options fail: the early return "
                "forgets the descriptor.",
            .observed =
                "An option failed on an accepted descriptor, and it was open and unused when "
                "all was quiet, or the program ended.",
            SEEN_BY(CALLS | FDS),
            .phases = PHASE(QUIET),
            .calls_done = F(CLOSE),
            .when = FACTS_FD_OPTION,
            .when_kept = FACTS_NEVER,
            ON_EVENT(fdh_10),
            ON_END(fdh_10),
        },
    [ORACLE_FDH_11] =
        {
            .id = "FDH-11",
            .title =
                "The heap that a program holds after twice as many dialogues equals that before: "
                "nothing leaks with connections.",
            BOTH,
            GOOD_FAIL,
            .cite = "malloc(3) DESCRIPTION (memory is held until free)",
            .why = "A buffer per failed connection: the server is killed after weeks, by then with "
                   "nobody's change to blame.",
            .observed =
                "Six samples of the heap, taken while no connection is open, each with at "
                "least one block more per dialogue than the one before. Of a process: seven "
                "samples of its memory over three times as many dialogues and more, each larger "
                "than the one before, with no end to it. What stops growing is a cache.",
            SEEN_BY(TRACE_SEES_HEAP),
            ON_END(fdh_11),
        },
    /* ---- Rules that bind stacks alone ---- */
    [ORACLE_CRE_01] =
        {
            .id = "CRE-01",
            .title = "socket returns the lowest-numbered free descriptor, of a new socket.",
            STACK,
            MUST,
            .cite = "POSIX socket(); XSH 2.14 File Descriptor Allocation",
            .why = "Programs rely on it when they close 0 and open again, and select's sets stay "
                   "small by it.",
            .observed = "socket succeeds with a number while a lower one is free.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SOCKET),
            ON_STACK(cre_01),
        },
    [ORACLE_CRE_02] =
        {
            .id = "CRE-02",
            .title = "SOCK_CLOEXEC and SOCK_NONBLOCK in the type set exactly FD_CLOEXEC and "
                     "O_NONBLOCK; without them both are clear.",
            STACK,
            MUST,
            .cite = "XSH 2.10.7; socket(2) SOCK_NONBLOCK, SOCK_CLOEXEC",
            .why = "A socket that blocks although it was asked not to hangs its program; one "
                   "without FD_CLOEXEC goes to every child.",
            .observed =
                "F_GETFL and F_GETFD of a socket, or of a duplicate of it, differ from what "
                "its type asked for.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(FCNTL),
            ON_STACK(cre_02),
        },
    [ORACLE_CRE_05] =
        {
            .id = "CRE-05",
            .title = "bind, or listen, on a port that a socket listens on fails with EADDRINUSE, "
                     "SO_REUSEADDR on both or not.",
            STACK,
            LINUX_RULE,
            .cite = "POSIX bind() EADDRINUSE; XSH 2.10.16 SO_REUSEADDR; socket(7) SO_REUSEADDR",
            .why = "Two servers would share a port, and clients would meet either of them.",
            .observed =
                "A second socket of the host binds to, or listens on, the port of a listener, "
                "without SO_REUSEPORT.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(BIND) | C(LISTEN),
            ON_STACK(cre_05),
        },
    [ORACLE_CRE_07] =
        {
            .id = "CRE-07",
            .title = "A second bind on a bound socket fails with EINVAL.",
            STACK,
            MUST,
            .cite = "POSIX bind() EINVAL",
            .why = "Its program would believe in an address that the socket does not have.",
            .observed = "bind on a socket that was bound before.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(BIND),
            ON_STACK(cre_07),
        },
    [ORACLE_CRE_08] =
        {
            .id = "CRE-08",
            .title = "listen on an unbound socket binds it to an ephemeral port; POSIX allows "
                     "EDESTADDRREQ.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX listen() EDESTADDRREQ; ip(7) DESCRIPTION",
            .why = "Programs that ask for any port do so by it.",
            .observed = "listen on a socket that nobody bound.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(LISTEN),
            ON_STACK(cre_08),
        },
    [ORACLE_CRE_09] =
        {
            .id = "CRE-09",
            .title = "listen on a connected socket fails with EINVAL; a repeated listen on a "
                     "listener succeeds.",
            STACK,
            MUST,
            .cite = "POSIX listen() EINVAL",
            .why = "A connection would turn into a listener under its user's hands.",
            .observed = "listen on a connection in ESTABLISHED, or on a listener.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(LISTEN),
            ON_STACK(cre_09),
        },
    [ORACLE_CRE_10] =
        {
            .id = "CRE-10",
            .title = "connect on a connected socket fails with EISCONN; on a listener too, or with "
                     "EOPNOTSUPP where POSIX is asked.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX connect() EISCONN, EOPNOTSUPP",
            .why = "EISCONN is how a program learns that an earlier attempt came through.",
            .observed =
                "connect on a connection in ESTABLISHED of which its program knows, or on a "
                "listener.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CONNECT),
            ON_STACK(cre_10),
        },
    [ORACLE_CRE_11] =
        {
            .id = "CRE-11",
            .title = "connect without blocking answers EINPROGRESS, a further one EALREADY; "
                     "completion, also a failed one, is signalled by writability.",
            STACK,
            MUST,
            .cite = "POSIX connect(), select(); XSH 2.10.16 SO_ERROR",
            .why = "Every event loop connects so.",
            .observed =
                "The answers of connect before the handshake ends, and reports of poll before "
                "and after it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            .stack_calls = C(CONNECT),
            ON_STACK(cre_11),
        },
    [ORACLE_CRE_13] =
        {
            .id = "CRE-13",
            .title = "SO_ERROR is cleared by reading it.",
            STACK,
            MUST,
            .cite = "XSH 2.10.10, 2.10.16 SO_ERROR",
            .why = "An error that stays would be taken for the next connection's.",
            .observed = "Two reads of SO_ERROR with nothing between.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(GETSOCKOPT),
            ON_STACK(cre_13),
        },
    [ORACLE_CRE_15] =
        {
            .id = "CRE-15",
            .title = "A SYN to a port without a listener is answered by an RST, and connect fails "
                     "with ECONNREFUSED.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.5.2 group 1, 3.10.7.1; POSIX connect() ECONNREFUSED",
            .why = "A client would wait for minutes where nobody is.",
            .observed = "The first call after an RST ended SYN-SENT tells of something else.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CONNECT) | C(SEND) | C(RECV) | C(GETSOCKOPT),
            ON_STACK(cre_15),
        },
    [ORACLE_CRE_17] =
        {
            .id = "CRE-17",
            .title = "A SYN that nobody answers is sent again at growing intervals, and connect "
                     "fails with ETIMEDOUT: after at least three minutes by the text, after about "
                     "130 seconds on Linux.",
            STACK,
            CHOICE_FAIL,
            .cite = "RFC 9293 3.8.3 MUST-23, 3.8.2; POSIX connect() ETIMEDOUT; tcp(7) "
                    "tcp_syn_retries",
            .why = "Too soon and a slow network is a dead one; too often and it is a flood.",
            .observed =
                "The time between the first SYN and the end of the attempt, and between one "
                "SYN and the next; that a SYN that was lost comes again within a minute.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_calls = C(CONNECT) | C(SEND) | C(RECV) | C(GETSOCKOPT),
            .stack_at_end = true,
            ON_STACK(cre_17),
        },
    [ORACLE_CRE_18] =
        {
            .id = "CRE-18",
            .title = "A simultaneous open, and a connect to oneself, ends in one ESTABLISHED "
                     "connection.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.5 Figure 7 MUST-10; RFC 1122 4.2.2.10",
            .why = "Peers that punch holes into firewalls connect so.",
            .observed = "Both ends in SYN-SENT got the other's SYN.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_at_end = true,
            ON_STACK(cre_18),
        },
    [ORACLE_CRE_19] =
        {
            .id = "CRE-19",
            .title = "close in SYN-SENT ends the attempt in silence, and a SYN+ACK that comes "
                     "later is answered by an RST; shutdown does the same on Linux, POSIX has "
                     "ENOTCONN.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.4, 3.10.5, 3.10.7.1; POSIX shutdown() ENOTCONN",
            .why = "The server would hold a connection that nobody wants.",
            .observed = "close or shutdown in SYN-SENT, and the segments of that end from then on.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT),
            .stack_calls = C(CLOSE) | C(SHUTDOWN),
            ON_STACK(cre_19),
        },
    [ORACLE_ACC_01] =
        {
            .id = "ACC-01",
            .title = "accept returns a new descriptor, the lowest free one, and the listener stays "
                     "what it is.",
            STACK,
            MUST,
            .cite = "POSIX accept(); XSH 2.14; accept(2)",
            .why = "A number that is in use would be two sockets.",
            .observed =
                "accept succeeds with a number while a lower one is free, or with one in use.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_01),
        },
    [ORACLE_ACC_02] =
        {
            .id = "ACC-02",
            .title = "The accepted socket has the destination of the SYN as its name and the "
                     "source as its peer's.",
            STACK,
            MUST,
            .cite = "POSIX accept(), getpeername(), getsockname(); RFC 9293 3.9.1.1",
            .why = "Logs and access rules go by these names.",
            .observed =
                "getsockname and getpeername of both ends, compared with one another and with "
                "the connect.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(GETSOCKNAME) | C(GETPEERNAME),
            ON_STACK(acc_02),
        },
    [ORACLE_ACC_03] =
        {
            .id = "ACC-03",
            .title = "accept takes the connection whose handshake was complete first.",
            STACK,
            MUST,
            .cite = "POSIX accept(); Linux inet_csk_reqsk_queue_add()",
            .why = "Early clients would starve.",
            .observed = "accept with two or more connections in the queue; by the texts alone "
                        "where one began "
                        "when the other was complete.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_03),
        },
    [ORACLE_ACC_04] =
        {
            .id = "ACC-04",
            .title = "Each complete connection is returned by exactly one accept.",
            STACK,
            MUST,
            .cite = "POSIX accept()",
            .why = "A connection that nobody gets hangs its client for ever.",
            .observed = "accept gives a connection twice, or EAGAIN while one is complete.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_04),
        },
    [ORACLE_ACC_05] =
        {
            .id = "ACC-05",
            .title = "The accepted descriptor does not inherit O_NONBLOCK on Linux; POSIX does not "
                     "say.",
            STACK,
            CHOICE_FAIL,
            .cite = "accept(2) STANDARDS; XSH 2.10.7",
            .why = "The same program blocks on one system and not on another.",
            .observed = "F_GETFL of an accepted socket.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(FCNTL),
            ON_STACK(acc_05),
        },
    [ORACLE_ACC_07] =
        {
            .id = "ACC-07",
            .title = "accept on an empty queue answers EAGAIN without blocking, on a socket that "
                     "does not listen EINVAL.",
            STACK,
            MUST,
            .cite = "POSIX accept() EAGAIN, EINVAL",
            .why = "An event loop ends its rounds by it.",
            .observed = "accept without a connection to give.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_07),
        },
    [ORACLE_ACC_08] =
        {
            .id = "ACC-08",
            .title = "A connection reset before accept is still given on Linux, without a peer's "
                     "name; POSIX has ECONNABORTED.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX accept() ECONNABORTED; accept(2) ERRORS",
            .why = "A server that expects either must work with both.",
            .observed = "accept while the first connection in the queue has been reset, and "
                        "getpeername of it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT) | C(GETPEERNAME),
            ON_STACK(acc_08),
        },
    [ORACLE_ACC_11] =
        {
            .id = "ACC-11",
            .title = "accept without a free descriptor leaves the connection in the queue and the "
                     "listener readable; it is given once a descriptor is free.",
            STACK,
            MUST,
            .cite = "POSIX accept() EMFILE, ENFILE",
            .why = "A server that runs out for a moment would lose a client for good.",
            .observed = "Reports and accepts on a listener after EMFILE.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_11),
        },
    [ORACLE_ACC_13] =
        {
            .id = "ACC-13",
            .title = "accept takes a null address; the length is value and result, and a longer "
                     "address is cut.",
            STACK,
            MUST,
            .cite = "POSIX accept(); accept(2)",
            .why = "Programs read beyond their buffers otherwise.",
            .observed = "accept without an address, with room for half of one, and for all: the "
                        "length that it tells, and the bytes that it wrote.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(ACCEPT),
            ON_STACK(acc_13),
        },
    [ORACLE_ACC_14] =
        {
            .id = "ACC-14",
            .title = "Accepted sockets inherit SO_KEEPALIVE, TCP_NODELAY, SO_LINGER and timeouts "
                     "of their listener.",
            STACK,
            LINUX_RULE,
            .cite = "Linux inet_csk_clone_lock(); tcp(7) TCP_USER_TIMEOUT",
            .why = "Servers set them once, on the listener.",
            .observed =
                "getsockopt on an accepted socket of an option that was set on its listener.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(GETSOCKOPT),
            ON_STACK(acc_14),
        },
    [ORACLE_ACC_15] =
        {
            .id = "ACC-15",
            .title = "shutdown of a listener makes accept fail with EINVAL on Linux, and so wakes "
                     "one that blocks; by POSIX the shutdown fails with ENOTCONN.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX shutdown() ENOTCONN; close(2) Multithreaded processes",
            .why = "It is how threads are told to stop accepting.",
            .observed = "shutdown of a listener and the accept after it; the wake-up shows as this "
                        "answer.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SHUTDOWN) | C(ACCEPT),
            ON_STACK(acc_15),
        },
    [ORACLE_DAT_01] =
        {
            .id = "DAT-01",
            .title = "The receiver gets exactly the bytes that were sent, in order, once.",
            STACK,
            MUST,
            .cite = "RFC 9293 2.2, 3.9.1.2; XSH 2.10.6",
            .why = "It is what TCP is for.",
            .observed =
                "Each received byte is compared with what the other end sent at that place; and "
                "whether bytes that were lost have come again within a minute.",
            SEEN_BY(CALLS | BYTES),
            .stack_kinds = K(BYTES),
            .stack_at_end = true,
            ON_STACK(dat_01),
        },
    [ORACLE_DAT_04] =
        {
            .id = "DAT-04",
            .title = "send without blocking takes what fits and says how much, or EAGAIN.",
            STACK,
            MUST,
            .cite = "XSH 2.10.7; POSIX send() EAGAIN",
            .why = "A send that takes nothing and says 0, or refuses while there is room, spins "
                   "its program.",
            .observed = "A short send, an EAGAIN while nothing is queued, a result above what was "
                        "given.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND),
            ON_STACK(dat_04),
        },
    [ORACLE_DAT_07] =
        {
            .id = "DAT-07",
            .title = "recv of 0 bytes means the end of the stream, and every later recv says so "
                     "again.",
            STACK,
            MUST,
            .cite = "POSIX recv() RETURN VALUE; RFC 9293 3.10.3",
            .why = "A program would take a lull for the end, or miss the end.",
            .observed =
                "recv gives 0 while the other end's FIN has not come, or something else after "
                "a 0.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(dat_07),
        },
    [ORACLE_DAT_09] =
        {
            .id = "DAT-09",
            .title = "send of no bytes returns 0 and sends no segment; recv of no bytes consumes "
                     "nothing.",
            STACK,
            LINUX_RULE,
            .cite = "recv(2) RETURN VALUE",
            .why = "A keepalive of an application's own would end the stream.",
            .observed = "send and recv with length 0 in ESTABLISHED.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND) | C(RECV),
            ON_STACK(dat_09),
        },
    [ORACLE_DAT_10] =
        {
            .id = "DAT-10",
            .title = "MSG_PEEK consumes nothing: the next recv returns the same bytes.",
            STACK,
            MUST,
            .cite = "POSIX recv() MSG_PEEK",
            .why = "Servers guess the protocol by it.",
            .observed = "recv after a recv with MSG_PEEK.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(dat_10),
        },
    [ORACLE_DAT_11] =
        {
            .id = "DAT-11",
            .title = "recv with MSG_WAITALL returns the full count where so much is there.",
            STACK,
            MUST,
            .cite = "POSIX recv() MSG_WAITALL",
            .why = "Readers of fixed records do not look at the count.",
            .observed = "recv with MSG_WAITALL while at least so many bytes have arrived. That it "
                        "waits for more shows only where calls block.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(dat_11),
        },
    [ORACLE_DAT_12] =
        {
            .id = "DAT-12",
            .title = "Bytes received before a FIN are readable before the 0; before an RST on "
                     "Linux too, where the text lets the stack flush them.",
            STACK,
            CHOICE_FAIL,
            .cite = "RFC 9293 3.10.3, 3.10.7.4; POSIX recv() ECONNRESET",
            .why = "The last answer ahead of a close would be lost.",
            .observed = "recv with unread bytes behind which a FIN or RST came.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(dat_12),
        },
    [ORACLE_DAT_13] =
        {
            .id = "DAT-13",
            .title = "Urgent data raises POLLPRI; a read stops at the mark; the byte is read with "
                     "MSG_OOB, once, unless SO_OOBINLINE is set.",
            STACK,
            LINUX_RULE,
            .cite = "tcp(7) SIOCATMARK; poll(2) POLLPRI; XSH 2.10.12; POSIX recv() MSG_OOB; RFC "
                    "9293 3.8.5",
            .why = "telnet and FTP still use it, and stray urgent data must not shift a stream.",
            .observed = "Reports, reads and MSG_OOB after an urgent byte arrived.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            .stack_calls = C(RECV),
            ON_STACK(dat_13),
        },
    [ORACLE_DAT_15] =
        {
            .id = "DAT-15",
            .title = "A connection whose window is closed stays open for any time while probes are "
                     "answered.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.8.6.1 MUST-36, MUST-37",
            .why = "A reader that pauses would lose its connection.",
            .observed = "A sender that found no room, a reader that reads nothing, and a minute.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(TIME) | K(STEP),
            ON_STACK(dat_15),
        },
    [ORACLE_DAT_16] =
        {
            .id = "DAT-16",
            .title = "When SO_RCVTIMEO or SO_SNDTIMEO expires the call fails with EAGAIN or gives "
                     "what it has, and the connection is still usable.",
            STACK,
            MUST,
            .cite = "XSH 2.10.16 SO_RCVTIMEO, SO_SNDTIMEO; socket(7)",
            .why = "Clients bound their waits by it.",
            .observed = "A receive or send that waits for the time set: its answer, how long it "
                        "took, and the state behind it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV) | C(SEND),
            ON_STACK(dat_16),
        },
    [ORACLE_DAT_17] =
        {
            .id = "DAT-17",
            .title = "send on a socket that never connected fails with EPIPE on Linux, ENOTCONN by "
                     "POSIX; recv with ENOTCONN.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX send(), recv() ENOTCONN; send(2) BUGS",
            .why = "It tells a program's mistake from a peer's close.",
            .observed = "send and recv on a fresh socket.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND) | C(RECV),
            ON_STACK(dat_17),
        },
    [ORACLE_HCL_01] =
        {
            .id = "HCL-01",
            .title = "shutdown for writing sends a FIN behind all queued data; its ACK leads to "
                     "FIN-WAIT-2, and receiving stays possible.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.6 case 1, 3.10.4; POSIX shutdown()",
            .why = "The request that ends by half-close would be cut.",
            .observed = "The sequence number of the FIN, and the state after its acknowledgment.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT) | K(STATE),
            .stack_at_end = true,
            ON_STACK(hcl_01),
        },
    [ORACLE_HCL_02] =
        {
            .id = "HCL-02",
            .title = "send after shutdown for writing fails with EPIPE.",
            STACK,
            MUST,
            .cite = "POSIX send() EPIPE; send(2) EPIPE",
            .why = "A program would believe that bytes went out behind its FIN.",
            .observed = "send on a socket that was shut for writing.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND),
            ON_STACK(hcl_02),
        },
    [ORACLE_HCL_03] =
        {
            .id = "HCL-03",
            .title = "The end that received a FIN may send for unlimited time, and that data "
                     "reaches the half-closed peer.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.6 case 1, 3.6.1, 3.10.2",
            .why = "The answer to a request that ended by half-close would be lost.",
            .observed = "send in CLOSE-WAIT, and recv at the end that shut for writing.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND) | C(RECV),
            ON_STACK(hcl_03),
        },
    [ORACLE_HCL_06] =
        {
            .id = "HCL-06",
            .title = "shutdown for reading puts nothing on the wire; Linux still delivers data "
                     "that comes later, POSIX disables receives.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX shutdown() SHUT_RD; shutdown(2)",
            .why = "The other end must not see it.",
            .observed = "Segments at shutdown for reading, and the recv after it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SHUTDOWN) | C(RECV),
            ON_STACK(hcl_06),
        },
    [ORACLE_HCL_07] =
        {
            .id = "HCL-07",
            .title = "shutdown acts on the connection: all duplicates of the descriptor see it.",
            STACK,
            MUST,
            .cite = "POSIX shutdown()",
            .why = "A child could go on sending after its parent's end of stream.",
            .observed = "send on a duplicate of the descriptor that was shut for writing.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND),
            ON_STACK(hcl_07),
        },
    [ORACLE_HCL_08] =
        {
            .id = "HCL-08",
            .title = "shutdown of an unconnected socket fails with ENOTCONN; a repeated one for "
                     "writing succeeds on Linux.",
            STACK,
            MUST,
            .cite = "POSIX shutdown() ENOTCONN",
            .why = "Cleanup paths call it without knowing the state.",
            .observed = "shutdown of a fresh socket, and twice of a connection.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SHUTDOWN),
            ON_STACK(hcl_08),
        },
    [ORACLE_CLO_01] =
        {
            .id = "CLO-01",
            .title = "The end that closes first passes FIN-WAIT-1, FIN-WAIT-2 (unless the FIN "
                     "acknowledges ours) and TIME-WAIT; its FIN keeps one sequence number.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.3.2 Figure 5 note 2, 3.6 case 1, 3.10.4",
            .why = "TIME-WAIT protects the next connection of the same ports.",
            .observed = "The states of that end, and the sequence numbers of its FINs.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(SEGMENT),
            ON_STACK(clo_01),
        },
    [ORACLE_CLO_02] =
        {
            .id = "CLO-02",
            .title = "The end that closes second passes CLOSE-WAIT, LAST-ACK and CLOSED, never "
                     "TIME-WAIT.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.3.2 Figure 5, 3.6 case 2",
            .why = "Servers whose clients close first would collect TIME-WAITs.",
            .observed = "The states of that end.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            ON_STACK(clo_02),
        },
    [ORACLE_CLO_03] =
        {
            .id = "CLO-03",
            .title = "When FINs cross, both ends pass FIN-WAIT-1, CLOSING and TIME-WAIT.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.6 case 3, Figure 13",
            .why = "The last ACK may be lost on either side.",
            .observed = "The states that follow CLOSING.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            ON_STACK(clo_03),
        },
    [ORACLE_CLO_04] =
        {
            .id = "CLO-04",
            .title = "A FIN next in sequence is acknowledged, again when it comes again; one ahead "
                     "of a gap is not lost.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.7.4 first, fifth, eighth, 3.5.2 group 3",
            .why = "The other end would send its FIN until it gives up.",
            .observed =
                "A FIN that arrived, and the states of its sender; an acknowledgment behind "
                "one that came again.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(SEGMENT),
            .stack_at_end = true,
            ON_STACK(clo_04),
        },
    [ORACLE_CLO_05] =
        {
            .id = "CLO-05",
            .title = "close sends a FIN only with the last descriptor of the open file "
                     "description.",
            STACK,
            MUST,
            .cite = "POSIX close(), fork(), dup()",
            .why = "A child's copy would lose its connection.",
            .observed = "Segments at close of one of two descriptors, and of the last.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE),
            ON_STACK(clo_05),
        },
    [ORACLE_CLO_08] =
        {
            .id = "CLO-08",
            .title = "All data that send took before a close is delivered, then the FIN.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.6, 3.9.1.4, 3.10.4",
            .why = "The last answer would be cut.",
            .observed =
                "The other end reads 0: by then it has read as much as was sent. And whether "
                "a FIN that was lost has come again within a minute.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            .stack_at_end = true,
            ON_STACK(clo_08),
        },
    [ORACLE_CLO_09] =
        {
            .id = "CLO-09",
            .title = "close with SO_LINGER and a time blocks until the data is acknowledged or the "
                     "time expires, then returns; the close goes on.",
            STACK,
            MUST,
            .cite = "POSIX close(); XSH 2.10.16 SO_LINGER; socket(7) SO_LINGER",
            .why = "Programs take its return for delivery.",
            .observed = "A close that waits, with the wire held and without: how long it took, and "
                        "whether the FIN was acknowledged by then.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE),
            ON_STACK(clo_09),
        },
    [ORACLE_CLO_10] =
        {
            .id = "CLO-10",
            .title = "The user is told whether the other end closed normally, by 0, or aborted, by "
                     "ECONNRESET.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.6 MUST-12; POSIX recv() ECONNRESET",
            .why = "A truncated answer would pass for a complete one.",
            .observed = "recv with nothing unread, behind a FIN or an RST; and ECONNRESET where "
                        "neither side "
                        "had sent an RST.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(clo_10),
        },
    [ORACLE_CLO_11] =
        {
            .id = "CLO-11",
            .title = "A FIN is not lost behind a full send buffer or a closed window: it follows "
                     "when there is room.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.9.1.4, 3.10.4, 3.8.6.1",
            .why = "The reader would wait for an end that never comes.",
            .observed = "shutdown or close after a send found no room, and the FIN once the reader "
                        "has read.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT),
            .stack_at_end = true,
            ON_STACK(clo_11),
        },
    [ORACLE_CLO_13] =
        {
            .id = "CLO-13",
            .title = "An end in FIN-WAIT-2 that nobody holds is dropped after 60 seconds.",
            STACK,
            LINUX_RULE,
            .cite = "tcp(7) tcp_fin_timeout, TCP_LINGER2; Linux tcp_timewait_state_process()",
            .why = "Peers that never close would fill the table.",
            .observed = "How long an end without descriptors stays in FIN-WAIT-2.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(TIME),
            ON_STACK(clo_13),
        },
    [ORACLE_CLO_14] =
        {
            .id = "CLO-14",
            .title = "An end that nobody holds sends its FIN a bounded number of times.",
            STACK,
            LINUX_RULE,
            .cite = "tcp(7) tcp_orphan_retries; ip-sysctl.rst tcp_orphan_retries",
            .why = "Vanished peers would fill the table.",
            .observed =
                "How long an end without descriptors waits behind a cut wire for the ACK of "
                "its FIN.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(TIME),
            ON_STACK(clo_14),
        },
    [ORACLE_RST_01] =
        {
            .id = "RST-01",
            .title = "close with SO_LINGER {1,0} sends an RST, no FIN; the state is forgotten, "
                     "without TIME-WAIT.",
            STACK,
            LINUX_RULE,
            .cite = "RFC 9293 3.9.1.6, 3.10.5, 3.5.2; Linux tcp_disconnect()",
            .why = "It is how a program aborts.",
            .observed = "close of the last descriptor with that option.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE),
            ON_STACK(rst_01),
        },
    [ORACLE_RST_02] =
        {
            .id = "RST-02",
            .title = "close with unread input sends an RST.",
            STACK,
            SHOULD,
            .cite = "RFC 9293 3.6.1 SHLD-3; RFC 1122 4.2.2.13; RFC 2525 2.17",
            .why = "The sender must learn that its data was lost.",
            .observed = "close of the last descriptor while bytes wait.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE),
            ON_STACK(rst_02),
        },
    [ORACLE_RST_03] =
        {
            .id = "RST-03",
            .title = "close with everything read sends a FIN, also when a segment had come twice.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.4, 3.6.1 SHLD-3; RFC 2525 2.17",
            .why = "The peer would lose the answer on its way to it.",
            .observed = "close of the last descriptor with nothing unread, where data had arrived "
                        "again or not.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE),
            ON_STACK(rst_03),
        },
    [ORACLE_RST_04] =
        {
            .id = "RST-04",
            .title = "New data after a full close is answered by an RST; on Linux also after "
                     "shutdown in both directions.",
            STACK,
            SHOULD,
            .cite = "RFC 9293 3.6.1 SHLD-3; RFC 2525 2.16",
            .why = "The sender would fill a buffer that nobody reads.",
            .observed = "Data arrives at an end without descriptors, and what that end sends then.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT),
            .stack_at_end = true,
            ON_STACK(rst_04),
        },
    [ORACLE_RST_06] =
        {
            .id = "RST-06",
            .title = "The first call after an RST in ESTABLISHED fails with ECONNRESET, once; then "
                     "recv gives 0 and send EPIPE.",
            STACK,
            MUST,
            .cite = "POSIX recv(), send() ECONNRESET; XSH 2.10.10; Linux tcp_reset()",
            .why = "The abort would pass for a close.",
            .observed = "recv and send on a connection that an RST ended.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND) | C(RECV),
            ON_STACK(rst_06),
        },
    [ORACLE_RST_07] =
        {
            .id = "RST-07",
            .title = "After an RST in CLOSE-WAIT send fails with EPIPE and recv gives 0 on Linux; "
                     "the text wants the reset to be told.",
            STACK,
            CHOICE_FAIL,
            .cite = "RFC 9293 3.10.7.4 second, 3.6 MUST-12; Linux tcp_reset()",
            .why = "The end that still had to answer learns of it by this alone.",
            .observed = "recv, send and SO_ERROR on a connection that an RST ended in CLOSE-WAIT.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND) | C(RECV) | C(GETSOCKOPT),
            ON_STACK(rst_07),
        },
    [ORACLE_RST_08] =
        {
            .id = "RST-08",
            .title = "SO_ERROR consumes the pending error: a recv after it gives 0.",
            STACK,
            LINUX_RULE,
            .cite = "XSH 2.10.10, 2.10.16 SO_ERROR",
            .why = "Event loops read SO_ERROR first and then the rest.",
            .observed = "recv after SO_ERROR told of the RST.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV),
            ON_STACK(rst_08),
        },
    [ORACLE_RST_09] =
        {
            .id = "RST-09",
            .title = "An RST ends the connection only at the sequence number that is expected "
                     "next; elsewhere in the window it gets a challenge ACK, or is valid where RFC "
                     "5961 is not implemented.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.7.4 second, 3.5.3; RFC 5961 3.2",
            .why = "Anybody could end anybody's connections.",
            .observed =
                "The sequence number of an RST, what had arrived before, and the state after "
                "it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STEP),
            .stack_at_end = true,
            ON_STACK(rst_09),
        },
    [ORACLE_RST_10] =
        {
            .id = "RST-10",
            .title = "An RST is never answered by an RST.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.5.2 group 1, 3.10.7.1",
            .why = "Two ends would shout at each other for ever.",
            .observed = "An RST arrives, and what that end sends next.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT) | K(STEP),
            .stack_at_end = true,
            ON_STACK(rst_10),
        },
    [ORACLE_RST_11] =
        {
            .id = "RST-11",
            .title = "When a listener is closed or shut, connections complete but not accepted are "
                     "reset.",
            STACK,
            LINUX_RULE,
            .cite = "Linux inet_csk_listen_stop()",
            .why = "Clients would wait for an answer that nobody owes.",
            .observed = "close or shutdown of a listener with a queue.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CLOSE) | C(SHUTDOWN),
            ON_STACK(rst_11),
        },
    [ORACLE_RST_12] =
        {
            .id = "RST-12",
            .title = "When a process dies all its sockets are closed: FIN, or RST with unread "
                     "input.",
            STACK,
            MUST,
            .cite = "POSIX _Exit(); RFC 9293 3.6.1 SHLD-3",
            .why = "Peers of a program that crashed would hang.",
            .observed = "The process that holds the sockets of a host is killed: what goes out.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(FD_CLOSE),
            ON_STACK(rst_12),
        },
    [ORACLE_RST_15] =
        {
            .id = "RST-15",
            .title = "connect to AF_UNSPEC dissolves a connection, by an RST.",
            STACK,
            LINUX_RULE,
            .cite = "connect(2); POSIX connect(); Linux tcp_disconnect()",
            .why = "Pools of sockets use it.",
            .observed = "connect to AF_UNSPEC on a connection.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(CONNECT),
            ON_STACK(rst_15),
        },
    [ORACLE_TWT_01] =
        {
            .id = "TWT-01",
            .title = "The end that closed first stays in TIME-WAIT for 2 MSL: 60 seconds on Linux.",
            STACK,
            CHOICE_FAIL,
            .cite = "RFC 9293 3.6.1 MUST-13, 3.4.2",
            .why = "Old segments would get into the next connection.",
            .observed = "How long TIME-WAIT lasts, where no segment disturbs it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            ON_STACK(twt_01),
        },
    [ORACLE_TWT_02] =
        {
            .id = "TWT-02",
            .title = "A FIN that comes again in TIME-WAIT is acknowledged again.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.7.4 fifth, eighth",
            .why = "The other end would hang in LAST-ACK.",
            .observed = "A FIN arrives again in TIME-WAIT, and its sender leaves LAST-ACK.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(SEGMENT),
            .stack_at_end = true,
            ON_STACK(twt_02),
        },
    [ORACLE_TWT_03] =
        {
            .id = "TWT-03",
            .title = "A new SYN with a higher sequence number or timestamp may reopen from "
                     "TIME-WAIT.",
            STACK,
            SHOULD,
            .cite = "RFC 9293 3.6.1 MAY-2, SHLD-4; RFC 6191 2",
            .why = "Clients that reuse their port would have to wait.",
            .observed = "connect from the ports of a connection whose other end is in TIME-WAIT.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_calls = C(CONNECT),
            .stack_at_end = true,
            ON_STACK(twt_03),
        },
    [ORACLE_TWT_04] =
        {
            .id = "TWT-04",
            .title = "An RST ends TIME-WAIT where tcp_rfc1337 is 0, as by default.",
            STACK,
            CHOICE_FAIL,
            .cite = "RFC 9293 3.10.7.4 second; RFC 1337 3 F1; tcp(7) tcp_rfc1337",
            .why = "It is a known hazard that Linux accepts.",
            .observed = "An RST arrives in TIME-WAIT.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(STEP),
            .stack_at_end = true,
            ON_STACK(twt_04),
        },
    [ORACLE_TWT_05] =
        {
            .id = "TWT-05",
            .title = "Old segments in TIME-WAIT get an ACK and are delivered to nobody.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.10.7.4 first, 3.5.2 group 3, 3.3.2",
            .why = "They would end, or get into, a connection.",
            .observed = "Data that had arrived before arrives again in TIME-WAIT, and the answer.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(SEGMENT),
            ON_STACK(twt_05),
        },
    [ORACLE_ERR_02] =
        {
            .id = "ERR-02",
            .title = "MSG_NOSIGNAL suppresses SIGPIPE and keeps EPIPE.",
            STACK,
            MUST,
            .cite = "POSIX send() MSG_NOSIGNAL, EPIPE; XSH 2.10.14",
            .why = "Libraries cannot ignore a signal of their program.",
            .observed = "EPIPE of a send with MSG_NOSIGNAL, and of one without: whether SIGPIPE "
                        "was raised in the thread that made the call.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(SEND),
            ON_STACK(err_02),
        },
    [ORACLE_ERR_04] =
        {
            .id = "ERR-04",
            .title = "When retransmission has gone on for long enough, at least 100 seconds, or "
                     "the user timeout expires, the user is told ETIMEDOUT and the connection is "
                     "CLOSED.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.8.3 MUST-20, SHLD-11, 3.10.8; POSIX recv() ETIMEDOUT; tcp(7) "
                    "TCP_USER_TIMEOUT",
            .why = "A program would wait for a host that is gone.",
            .observed = "The end of a connection by time, and the next call on it.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_calls = C(SEND) | C(RECV) | C(GETSOCKOPT),
            ON_STACK(err_04),
        },
    [ORACLE_ERR_05] =
        {
            .id = "ERR-05",
            .title = "Soft ICMP errors do not abort an established connection.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.9.2.2 MUST-56; RFC 5461",
            .why = "Anybody could end anybody's connections.",
            .observed = "ICMP messages (destination unreachable, code 0, 1 or 5) about an open "
                        "connection, and its state behind them.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(FAULT) | K(STATE),
            ON_STACK(err_05),
        },
    [ORACLE_ERR_08] =
        {
            .id = "ERR-08",
            .title = "Calls on closed descriptors fail with EBADF, on other files with ENOTSOCK.",
            STACK,
            MUST,
            .cite = "POSIX EBADF, ENOTSOCK of each page",
            .why = "A mistake would hit somebody else's file.",
            .observed =
                "Each call on a descriptor that has just been closed, and on one of a file.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(BIND) | C(LISTEN) | C(ACCEPT) | C(CONNECT) | C(RECV) | C(SEND) |
                           C(SHUTDOWN) | C(CLOSE) | C(GETSOCKOPT),
            ON_STACK(err_08),
        },
    [ORACLE_RDY_01] =
        {
            .id = "RDY-01",
            .title = "poll says of an open connection: OUT where there is room, IN where there is "
                     "input; after the peer's FIN also IN and RDHUP, no HUP.",
            STACK,
            MUST,
            .cite = "POSIX select(), poll(); poll(2) POLLRDHUP; Linux tcp_poll()",
            .why = "Event loops see the world through these bits.",
            .observed = "Each report on a connection that is not over.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            ON_STACK(rdy_01),
        },
    [ORACLE_RDY_02] =
        {
            .id = "RDY-02",
            .title = "poll says HUP exactly when both directions are shut, on Linux with OUT; "
                     "after an RST also IN, ERR and RDHUP.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX poll() POLLHUP; Linux tcp_poll()",
            .why = "HUP too early loses the answer, too late leaks the descriptor.",
            .observed = "Each report on a connection that is over.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            ON_STACK(rdy_02),
        },
    [ORACLE_RDY_03] =
        {
            .id = "RDY-03",
            .title = "poll says OUT and HUP of a fresh socket and of a listener that was shut, IN "
                     "of a listener with a queue, nothing of one without.",
            STACK,
            CHOICE_FAIL,
            .cite = "POSIX poll(); Linux tcp_poll()",
            .why = "A server would spin on its listener, or miss its clients.",
            .observed = "Each report on a socket without a connection.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            ON_STACK(rdy_03),
        },
    [ORACLE_RDY_04] =
        {
            .id = "RDY-04",
            .title = "A descriptor reported readable does not block: recv and accept give data, "
                     "the end, or an error.",
            STACK,
            MUST,
            .cite = "POSIX select(); select(2) BUGS",
            .why = "A program whose sockets block would hang.",
            .observed = "recv or accept after a report of IN answers EAGAIN.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(RECV) | C(ACCEPT),
            ON_STACK(rdy_04),
        },
    [ORACLE_RDY_05] =
        {
            .id = "RDY-05",
            .title = "A socket without room is not writable; once the reader has read everything "
                     "it is.",
            STACK,
            LINUX_RULE,
            .cite = "XSH 2.10.16 SO_SNDLOWAT; socket(7); Linux sk_stream_is_writeable()",
            .why = "A writer would spin, or sleep for ever.",
            .observed =
                "A report right after EAGAIN, and one after the other end read all that was "
                "sent.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY),
            ON_STACK(rdy_05),
        },
    [ORACLE_RDY_06] =
        {
            .id = "RDY-06",
            .title = "epoll reports a level-triggered descriptor while it is ready, an "
                     "edge-triggered one once for each new event.",
            STACK,
            LINUX_RULE,
            .cite = "epoll(7) Level-triggered and edge-triggered",
            .why = "A program would spin, or sleep on its input.",
            .observed = "Each epoll_wait, compared with what is ready and what came since the last "
                        "report.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STEP),
            .stack_at_end = true,
            ON_STACK(rdy_06),
        },
    [ORACLE_RDY_09] =
        {
            .id = "RDY-09",
            .title = "close of the last descriptor takes a socket out of epoll; a duplicate that "
                     "is left keeps it there.",
            STACK,
            LINUX_RULE,
            .cite = "epoll(7) Questions and answers",
            .why = "Reports on numbers that are somebody else's by now.",
            .observed = "Reports under a number that was closed, and a wait without one while a "
                        "duplicate lives.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(READY) | K(STEP),
            .stack_at_end = true,
            ON_STACK(rdy_09),
        },
    [ORACLE_RDY_12] =
        {
            .id = "RDY-12",
            .title = "EPOLLONESHOT reports once until it is armed again, and then what is ready.",
            STACK,
            LINUX_RULE,
            .cite = "epoll_ctl(2) EPOLLONESHOT, EPOLLEXCLUSIVE",
            .why = "Threads that share an epoll would both get a descriptor, or none of them.",
            .observed =
                "Each epoll_wait with a descriptor registered so. What EPOLLEXCLUSIVE wakes "
                "shows only where threads wait.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STEP),
            .stack_at_end = true,
            ON_STACK(rdy_12),
        },
    [ORACLE_TMO_01] =
        {
            .id = "TMO-01",
            .title = "Keepalive is off by default; if on, the first probe comes not before two "
                     "hours by default, and the interval can be set.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.8.4 MUST-24, MUST-25, MUST-27, MUST-28; XSH 2.10.16 SO_KEEPALIVE",
            .why = "Idle connections would cost traffic, or die of it.",
            .observed = "SO_KEEPALIVE and TCP_KEEPIDLE of a socket on which nobody set them.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_calls = C(GETSOCKOPT),
            ON_STACK(tmo_01),
        },
    [ORACLE_TMO_02] =
        {
            .id = "TMO-02",
            .title = "One unanswered probe is not death; after as many as were set the connection "
                     "ends.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.8.4 MUST-29; XSH 2.10.16 SO_KEEPALIVE; tcp(7) TCP_KEEPCNT",
            .why = "A lost segment would end an idle connection.",
            .observed = "How long after the last sign of the other end an idle connection with "
                        "keepalive ends.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            ON_STACK(tmo_02),
        },
    [ORACLE_TMO_05] =
        {
            .id = "TMO-05",
            .title = "A half-open connection is detected by the RST that answers the next segment.",
            STACK,
            MUST,
            .cite = "RFC 9293 3.5.1 Figures 9, 10",
            .why = "A client of a server that was restarted would wait for ever.",
            .observed = "One end forgot the connection and its RST was lost; the other end sends.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_at_end = true,
            ON_STACK(tmo_05),
        },
    [ORACLE_BKL_01] =
        {
            .id = "BKL-01",
            .title = "The backlog bounds the queue: Linux completes one connection more.",
            STACK,
            MUST,
            .cite = "POSIX listen(); listen(2) NOTES; Linux sk_acceptq_is_full()",
            .why = "A server that does not accept would hold everybody's connections.",
            .observed = "How many connections are complete and not accepted.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE),
            .stack_calls = C(ACCEPT),
            ON_STACK(bkl_01),
        },
    [ORACLE_BKL_02] =
        {
            .id = "BKL-02",
            .title = "When the queue is full the final ACK is ignored, no RST is sent, and the "
                     "connection is completed later.",
            STACK,
            LINUX_RULE,
            .cite = "tcp(7) tcp_abort_on_overflow; listen(2); Linux tcp_check_req()",
            .why = "A burst of clients would be refused instead of delayed.",
            .observed = "A client in ESTABLISHED whose server's end waits in SYN-RECEIVED behind a "
                        "full queue.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STEP),
            .stack_at_end = true,
            ON_STACK(bkl_02),
        },
    [ORACLE_BKL_05] =
        {
            .id = "BKL-05",
            .title = "A connection made by a SYN cookie is valid without an entry in the queue.",
            STACK,
            LINUX_RULE,
            .cite = "tcp(7) tcp_syncookies; Linux syncookies.c",
            .why = "A flood of SYNs would shut out everybody.",
            .observed = "A SYN+ACK of a host that has no SYN-RECEIVED behind it, and the state "
                        "when its acknowledgment came.",
            SEEN_BY(CALLS | STATES | TRACE_SEES_WIRE),
            .stack_kinds = K(STATE) | K(SEGMENT),
            ON_STACK(bkl_05),
        },
};
