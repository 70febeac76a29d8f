/* The table of rules: what each one says, whom it binds, where it stands, and what decides it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/predicates.h"

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
#define GOOD .level = ORACLE_LEVEL_GOOD
#define GOOD_FAIL .level = ORACLE_LEVEL_GOOD, .fail = true
#define SHOULD .level = ORACLE_LEVEL_SHOULD
#define SHOULD_FAIL .level = ORACLE_LEVEL_SHOULD, .fail = true
#define MUST .level = ORACLE_LEVEL_MUST, .fail = true
#define CHOICE .level = ORACLE_LEVEL_CHOICE
#define SEEN_BY(mask) .decidable = true, .observers = (mask)
#define ON_EVENT(name) .on_event = oracle_##name##_event
#define ON_END(name) .on_end = oracle_##name##_end

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
            CLIENT,
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
                "within a second each of which it wrote a message about, or a completed connection "
                "that is never accepted although the limit was lifted.",
            SEEN_BY(CALLS | STATES | EXITS),
            .kinds = K(SPIN),
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
                     "tried again.",
            BOTH,
            GOOD_FAIL,
            .cite = "POSIX send(), recv(), read(), write() EINTR; signal(7) Interruption of system "
                    "calls",
            .why = "A window resize, a timer or a child's end then cuts a connection; seven of 117 "
                   "collected bugs take EINTR or EAGAIN for an error.",
            .observed =
                "A receive, send or accept answered EINTR, and the descriptor was closed or "
                "the program ended without another try. SIGALRM and stop signals are left "
                "out: with them EINTR may be meant.",
            SEEN_BY(CALLS | EXITS),
            .kinds = K(EXIT) | K(BLOCK),
            .calls_done = F(RECV) | F(SEND) | F(ACCEPT) | F(CLOSE),
            .calls_failed = F(RECV) | F(SEND) | F(ACCEPT),
            .when = FACTS_FD_INTR,
            ON_EVENT(dat_06),
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
                "and a request on another one is unanswered.",
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
                "it or ended, without a wait in between and with the dialogue unfinished.",
            SEEN_BY(CALLS),
            .kinds = K(READY) | K(EXIT),
            .calls_done = F(CLOSE),
            .when = FACTS_FD_AGAIN,
            ON_EVENT(dat_20),
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
            SEEN_BY(CALLS | BYTES),
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
            SEEN_BY(CALLS | STATES),
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
                        "seconds later; or it had to be left by force, also where it ignores the "
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
                        "closed or shut its side, when no step is left.",
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
            .observed = "SIGPIPE from a transfer killed the program.",
            SEEN_BY(CALLS | EXITS),
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
            CLIENT,
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
            .peers = PEER(SENT),
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
                "out.",
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
                        "to 2 and had not touched it when all was quiet. A program that asks for "
                        "FD_CLOEXEC nowhere and starts no other is not judged.",
            SEEN_BY(CALLS),
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
            SEEN_BY(CALLS | TRACE_SEES_PROCESSES),
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
                "open and closed it.",
            SEEN_BY(CALLS | FDS),
            .calls_done = F(SOCKET) | F(ACCEPT),
            ON_EVENT(fdh_09),
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
                "Four samples of the heap, taken while no connection is open, each with at "
                "least one block more per dialogue than the one before. Of a process: seven "
                "samples of its memory over three times as many dialogues and more, each larger "
                "than the one before, with no end to it. What stops growing is a cache.",
            SEEN_BY(TRACE_SEES_HEAP),
            ON_END(fdh_11),
        },
};
