/* What a Linux kernel is free to choose, as one closed table. The model is given its choice, or
 * both are brought to one form before they are compared; everything else must be equal. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_CHOICES_H
#define SOCKSPEC_DIFF_CHOICES_H

/* X(NAME, "text") */
/* clang-format off */
#define DIFF_CHOICE_TABLE(X)                                                                      \
    X(SEND, "how much a send takes where less than all of it fits: the model is told, but for whether it takes any")  \
    X(ACKNOWLEDGE, "when a pure acknowledgment or a window update is sent: left out")              \
    X(CUT, "where a stretch of data is cut into segments: stretches are compared")                \
    X(PORT, "which port is given to a socket without one: numbered as they come up")              \
    X(BUFFER, "the size of a buffer that nobody set: left out")                                   \
    X(RECOVER, "that bytes are sent again: compared up to there")                                 \
    X(REFUSE, "that a window update goes to an end that is gone, which refuses it: compared up to where only one does")  \
    X(ORDER, "which end changes first as time passes, beside a call that waits, or when a process dies: end by end")  \
    X(LOOK, "whether FIN-WAIT-2 is seen where a close that waited ends it at once: joined to the end")  \
    X(STALL, "that a SYN is sent again while the process waits for its turn: played anew")        \
    X(ZERO, "that 0, the number of who refuses a SYN, lies in a window: played anew")             \
    X(SEQUENCE, "initial sequence numbers: counted from them")
/* clang-format on */
#define DIFF_CHOICE_ENUM(name, text) DIFF_CHOICE_##name,
enum diff_choice { DIFF_CHOICE_TABLE(DIFF_CHOICE_ENUM) DIFF_CHOICE_COUNT };
#undef DIFF_CHOICE_ENUM

const char *diff_choice_text(enum diff_choice choice);

#endif
