/* Scenarios in which the model and Linux differed once, each made small by `sockspec diff`: both
 * must say the same of them. Skipped, with the reason, where the live world cannot be had. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "diff/diff.h"
#include "linux/linux.h"
#include "model/model.h"
#include "scenario/text.h"
#include "trace/describe.h"

/* clang-format off */
static const struct {
    const char *what;
    const char *steps;
} mended[] = {
    {"nagle holds back a second small segment",
     "app socket\n"
     "app bind 7002\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7002\n"
     "app 1 send fill 1 x 2\n"},
    {"nodelay sends what was held back",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "wire hold to-target\n"
     "app accept 3\n"
     "app 3 send fill 1\n"
     "app 3 send fill 1\n"
     "app 3 option TCP_NODELAY 1\n"},
    {"a full queue of handshakes drops the SYN",
     "app socket\n"
     "app bind 7002\n"
     "app listen 0\n"
     "wire hold both\n"
     "app 3 socket peer\n"
     "app 3 connect 7002\n"
     "app 4 socket peer\n"
     "app 4 connect 7002\n"},
    {"data behind a forged FIN resets",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "wire inject fin 1 to-peer\n"
     "app 2 send fill 2\n"},
    {"old segments acknowledge nothing",
     "app socket\n"
     "app bind 7003\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7003\n"
     "wire inject fin 1 both\n"
     "app 1 shutdown write\n"},
    {"a SYN again in a simultaneous open is challenged",
     "app 4 socket\n"
     "app 5 socket peer\n"
     "app 4 bind 7001\n"
     "app 5 bind 7003\n"
     "wire hold both\n"
     "app 4 connect 7003\n"
     "app 5 connect 7001\n"
     "wire duplicate 0\n"},
    {"a SYN+ACK opens a simultaneous open whose other one was lost",
     "app 3 socket\n"
     "app 4 socket peer\n"
     "app 3 bind 7004\n"
     "app 4 bind 7003\n"
     "wire hold both\n"
     "app 3 connect 7003\n"
     "app 4 connect 7004\n"
     "wire lose any 1\n"},
    {"TCP_SYNCNT ends at 127",
     "app socket\n"
     "app option TCP_SYNCNT 221\n"},
    {"TIME-WAIT acknowledges a forged FIN",
     "app socket peer\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 1 shutdown write\n"
     "app 2 close\n"
     "wire inject fin 1 to-target\n"},
    {"TIME-WAIT acknowledges forged data",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 1 shutdown write\n"
     "app 2 close\n"
     "wire inject data 1 to-peer\n"},
    {"an RST from before the FIN is taken",
     "app socket peer\n"
     "app bind 7003\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7003\n"
     "app accept 2\n"
     "wire hold to-target\n"
     "app 2 urgent\n"
     "app 1 close\n"
     "wire deliver 0\n"},
    {"TCP_LINGER2 below 0 resets",
     "app socket\n"
     "app bind 7002\n"
     "app option TCP_LINGER2 off\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7002\n"
     "app accept 2\n"
     "app 2 close\n"},
    {"a SYN ends FIN-WAIT-2 after close",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 1 close\n"
     "wire inject syn 2 both\n"},
    {"a long TCP_LINGER2 keeps the whole socket",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 option TCP_LINGER2 100\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 close\n"
     "wire inject syn 2 to-target\n"},
    {"a listener that is closed leaves its handshake until the next segment",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "wire hold to-peer\n"
     "app 3 socket peer\n"
     "app 3 connect 7001\n"
     "app close\n"},
    {"a filled gap is acknowledged once",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "wire hold both\n"
     "app 1 send fill 1500\n"
     "app 1 reset\n"
     "wire deliver 1\n"},
    {"a FIN ahead of a gap resets a reader that is gone",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 shutdown read\n"
     "wire lose data 1\n"
     "app 2 send fill 1\n"
     "app 1 shutdown write\n"
     "app 2 close\n"},
    {"a FIN waits for the data before it",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "wire hold both\n"
     "app 1 send fill 1\n"
     "app 1 close\n"
     "wire deliver 1\n"},
    {"urgent data is seen ahead of a gap",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 2 option TCP_NODELAY 1\n"
     "wire hold to-target\n"
     "app 2 send fill 1\n"
     "wire hold both\n"
     "app 2 send fill 1\n"
     "app 2 urgent\n"
     "wire deliver 2\n"
     "app 1 poll\n"},
    {"urgent data is seen behind a FIN",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 shutdown write\n"
     "wire inject urgent 1 both\n"
     "app 2 poll\n"},
    {"the acknowledgment goes with the data",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire lose ack 2\n"
     "wire hold to-peer\n"
     "app 2 send \"h\"\n"
     "app 1 send fill 1\n"
     "app 1 shutdown write\n"
     "app 2 send fill 1\n"},
    {"an acknowledgment of a FIN comes before data behind it",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire inject fin 2 both\n"
     "app 1 close\n"
     "app 2 send \"he\"\n"},
    {"FIN-WAIT-2 after close takes an RST anywhere in its window",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 2 send fill 1\n"
     "app 2 close\n"
     "wire hold to-target\n"
     "app 1 send fill 1\n"
     "app 1 close\n"
     "wire deliver 1\n"},
    {"a send before the connection waits, shut or not",
     "wire hold to-target\n"
     "app 3 socket\n"
     "app 3 connect 7999\n"
     "wire inject syn 3 both\n"
     "app 3 shutdown write\n"
     "app 3 send fill 1\n"},
    {"a bind that fails takes the address away",
     "app 1 socket peer\n"
     "app 1 connect 7999\n"
     "app 4 socket peer\n"
     "app 4 bind 7001\n"
     "app 1 bind 7001\n"
     "app 1 names\n"},
    {"a second urgent byte takes the place of the first",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 2 urgent\n"
     "app 1 shutdown both\n"
     "app 2 urgent\n"
     "app 1 recv 0\n"},
    {"SO_LINGER stays with a duplicate",
     "app socket\n"
     "app option SO_LINGER 1\n"
     "app dup 2\n"
     "app 2 close\n"
     "app get SO_LINGER\n"},
    {"a FIN goes out when the handshake is complete",
     "wire lose synack 2\n"
     "app 3 socket\n"
     "app 4 socket peer\n"
     "app 3 bind 7001\n"
     "app 4 bind 7004\n"
     "wire hold both\n"
     "app 3 connect 7004\n"
     "app 4 connect 7001\n"
     "wire release both\n"
     "app 3 shutdown write\n"
     "app 4 close\n"},
    {"a listener that listens again has its handshakes again",
     "app socket peer\n"
     "app option SO_REUSEADDR 1\n"
     "app bind 7100\n"
     "app listen 0\n"
     "wire hold to-target\n"
     "app 3 socket\n"
     "app 3 connect 7100\n"
     "app shutdown both\n"
     "app listen 0\n"},
    {"a wrong acknowledgment in a handshake is reset",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "wire hold both\n"
     "app 5 socket\n"
     "app 5 connect 7100\n"
     "wire inject syn 5 both\n"},
    {"a forged SYN resets a handshake",
     "app socket\n"
     "app bind 7003\n"
     "app listen 0\n"
     "wire hold to-peer\n"
     "app 3 socket peer\n"
     "app 3 connect 7003\n"
     "wire inject syn 3 both\n"},
    {"ports are used again in TIME-WAIT",
     "app 4 socket\n"
     "app 4 bind 7003\n"
     "app 4 listen 0\n"
     "app 5 socket peer\n"
     "app 5 bind 7004\n"
     "app 5 connect 7003\n"
     "app 4 accept 6\n"
     "app 6 close\n"
     "app 5 close\n"
     "app 7 socket peer\n"
     "app 7 option SO_REUSEADDR 1\n"
     "app 7 bind 7004\n"
     "app 7 connect 7003\n"},
    {"shutting a listener for writing wakes its watchers",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app dup 2\n"
     "app 2 watch edge\n"
     "app wait\n"
     "app 2 shutdown write\n"
     "app wait\n"},
    {"SO_RCVLOWAT wakes where what is there is enough",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 close\n"
     "app 2 dup 3\n"
     "app 3 watch edge\n"
     "app wait\n"
     "app 3 option SO_RCVLOWAT 0\n"
     "app wait\n"},
    {"SO_RCVLOWAT wakes after a FIN, however much it asks for",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 close\n"
     "app 2 dup 3\n"
     "app 3 watch edge\n"
     "app wait\n"
     "app 3 option SO_RCVLOWAT 2\n"
     "app wait\n"},
    {"a handshake under way keeps no port from a listener that begins again",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "app 2 send \"a\"\n"
     "app 3 socket peer\n"
     "app 3 connect 7100\n"
     "app 2 reset\n"
     "wire deliver 2\n"
     "app shutdown read\n"
     "app listen 0\n"},
    {"TIME-WAIT ends without its descriptor",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 2 watch edge\n"
     "app 2 shutdown both\n"
     "app 1 shutdown write\n"
     "app wait\n"
     "wire inject syn 2 to-target\n"
     "app wait\n"},
    {"FIN-WAIT-2 that came with a FIN keeps the whole socket",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "wire inject data 1 both\n"
     "app 1 recv 1\n"
     "app 1 close\n"
     "app accept 3\n"
     "app 3 shutdown write\n"
     "wire inject syn 3 to-target\n"},
    {"a wrong acknowledgment is reset though the queue is full",
     "app socket\n"
     "app bind 7100\n"
     "app listen 1\n"
     "wire lose ack 2\n"
     "app 2 socket peer\n"
     "app 2 connect 7100\n"
     "app 4 socket peer\n"
     "app 4 connect 7100\n"
     "app 2 send fill 1\n"
     "app 6 socket peer\n"
     "app 6 connect 7100\n"
     "wire inject fin 4 both\n"},
    {"an old segment that acknowledges the FIN is not answered in CLOSING",
     "wire lose ack 1\n"
     "wire lose synack 1\n"
     "app 3 socket\n"
     "app 4 socket peer\n"
     "app 3 bind 7103\n"
     "app 4 bind 7104\n"
     "wire hold both\n"
     "app 3 connect 7104\n"
     "app 4 connect 7103\n"
     "wire deliver 0\n"
     "wire release both\n"
     "app 4 shutdown write\n"
     "wire inject fin 3 to-peer\n"
     "app 3 close\n"},
    {"nor on the way to FIN-WAIT-2 after close",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire inject urgent 1 both\n"
     "wire hold to-peer\n"
     "app 1 recv 1\n"
     "app 1 close\n"
     "app 2 urgent\n"
     "app 2 urgent\n"
     "app 2 send fill 1\n"
     "wire deliver 2\n"},
    {"urgent data that is read into nothing is read",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 1 urgent\n"
     "app 2 dup 3\n"
     "app 2 recv 0 oob\n"
     "app 3 poll\n"},
    {"two connections of the same ports in one queue are told apart",
     "app socket\n"
     "app bind 7002\n"
     "app listen 1\n"
     "app 4 socket peer\n"
     "app 4 bind 7104\n"
     "app 4 connect 7002\n"
     "app 4 reset\n"
     "app 6 socket peer\n"
     "app 6 bind 7104\n"
     "app 6 connect 7002\n"
     "app 6 reset\n"
     "app accept 1\n"},
    {"urgent data after both directions were shut in a simultaneous open",
     "app 3 socket\n"
     "app 4 socket peer\n"
     "app 3 bind 7103\n"
     "app 4 bind 7104\n"
     "wire hold both\n"
     "app 3 connect 7104\n"
     "app 4 connect 7103\n"
     "wire deliver 0\n"
     "app 3 shutdown both\n"
     "wire inject urgent 4 both\n"},
    {"data after both directions were shut in a simultaneous open",
     "wire lose synack 2\n"
     "app 2 socket\n"
     "app 3 socket peer\n"
     "app 2 bind 7102\n"
     "app 3 bind 7103\n"
     "wire hold both\n"
     "app 2 connect 7103\n"
     "app 3 connect 7102\n"
     "wire release both\n"
     "app 2 shutdown both\n"
     "wire inject data 3 to-target\n"},
    {"an urgent byte that is sent again is lost again",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire lose urgent 2\n"
     "app 2 urgent\n"
     "wire inject syn 1 both\n"
     "app 2 send fill 1\n"
     "app wait\n"},
    {"a FIN that is sent again is lost again",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 option TCP_NODELAY 1\n"
     "app 1 connect 7001\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "wire lose fin 2\n"
     "app 1 send fill 1\n"
     "wire inject synack 1 both\n"
     "app 1 send fill 1\n"
     "wire duplicate 0\n"
     "app 1 close\n"},
    {"data that is sent again is lost again",
     "app socket peer\n"
     "app bind 7002\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7002\n"
     "app accept 2\n"
     "wire lose data 2\n"
     "app 2 send fill 1460\n"
     "wire inject syn 1 to-target\n"
     "app 2 close\n"
     "app 4 option TCP_SYNCNT 0\n"},
    {"handshakes from before a listener was shut count in its queue",
     "app socket peer\n"
     "app bind 7001\n"
     "app listen 1\n"
     "app 1 socket\n"
     "app 1 connect 7001\n"
     "wire hold both\n"
     "app 2 socket\n"
     "app 2 connect 7001\n"
     "wire deliver 0\n"
     "app 4 socket\n"
     "app 4 connect 7001\n"
     "app 1 send fill 1\n"
     "app disconnect\n"
     "app listen 0\n"},
    {"TCP_NODELAY sends what TCP_CORK held back",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "app 1 option TCP_NODELAY 1\n"},
    {"an end of TCP_CORK beside TCP_NODELAY sends as well",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 option TCP_NODELAY 1\n"
     "app 1 connect 7100\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "app 1 option TCP_CORK 0\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"},
    {"without a free descriptor accept looks at no socket",
     "app socket\n"
     "kernel descriptors 0\n"
     "app accept 1\n"
     "kernel clear\n"
     "app accept 1\n"},
    {"TCP_DEFER_ACCEPT: the acknowledgment alone opens nothing",
     "app socket\n"
     "app bind 7001\n"
     "app option TCP_DEFER_ACCEPT 2\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 1 send fill 1\n"
     "app accept 2\n"
     "app 2 get TCP_DEFER_ACCEPT\n"},
    {"a send buffer that is set counts every buffer, and tells of room at two thirds",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 2 option TCP_NODELAY 1\n"
     "app 2 option SO_SNDBUF 2304\n"
     "app 2 watch edge\n"
     "wire hold to-peer\n"
     "app 2 send fill 1000\n"
     "app 2 poll\n"
     "app 2 send fill 407\n"
     "app 2 poll\n"
     "app 2 send fill 1 x 3\n"
     "app 2 poll\n"
     "app wait\n"
     "wire deliver 0\n"
     "app wait\n"
     "wire deliver 0\n"
     "app wait\n"},
    {"a send that is more than one buffer comes short",
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7001\n"
     "app accept 2\n"
     "app 2 option SO_SNDBUF 2304\n"
     "app 2 send fill 40000\n"
     "app 2 poll\n"},
    {"SO_RCVBUF leaves the window of a connection as it is",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "wire hold both\n"
     "app 2 option SO_RCVBUF 131072\n"
     "app 1 send fill 1\n"
     "wire deliver 0\n"
     "app 2 recv 1\n"
     "wire deliver 1\n"
     "app 1 poll\n"},
    {"SO_SNDBUF tells of room, whatever there was before",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 2 watch edge\n"
     "app wait\n"
     "app 2 option SO_SNDBUF 0\n"
     "app wait\n"},
    {"the acknowledgment of a FIN wakes whoever watches",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "wire hold both\n"
     "app 1 shutdown both\n"
     "app 1 watch edge\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"},
    {"urgent data goes segment by segment, each a buffer of its own",
     "app socket peer\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100\n"
     "wire hold to-peer\n"
     "app 1 send \"h\"\n"
     "app 1 urgent\n"
     "app 1 option SO_SNDBUF 3869\n"
     "app 1 send fill 2258\n"
     "app 1 poll\n"},
    {"a host with itself: an answer comes between two calls",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7100 own\n"
     "app accept 2\n"
     "app 1 names\n"
     "app 1 send \"hello\"\n"
     "app 2 recv 3\n"
     "app 2 close\n"
     "app 1 send fill 1 x 2\n"
     "app 3 socket peer\n"
     "app 3 connect 7100\n"},
    {"a forged SYN+ACK tells no size of segments",
     "wire cut both\n"
     "app 3 socket\n"
     "app 3 connect 0\n"
     "wire inject synack 3 to-target\n"
     "app 3 send fill 1\n"
     "app 3 send fill 215\n"
     "app 3 send fill 403\n"},
    {"a handshake whose listener is gone: another one answers before it ends",
     "app socket\n"
     "app bind 7003\n"
     "app option TCP_DEFER_ACCEPT 1\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7003\n"
     "app reset\n"
     "app 3 socket\n"
     "app 3 bind 7003\n"
     "app 3 listen 0\n"
     "app 1 shutdown both\n"},
    {"a handshake whose listener is gone, on a held wire",
     "app socket peer\n"
     "app option SO_REUSEADDR 1\n"
     "app bind 7002\n"
     "app listen 0\n"
     "wire hold to-target\n"
     "app 2 socket\n"
     "app 2 connect 7002\n"
     "app disconnect\n"
     "app 4 socket peer\n"
     "app 4 option SO_REUSEADDR 1\n"
     "app 4 bind 7002\n"
     "app 4 listen 0\n"},
    {"text whose acknowledgment is refused is refused once",
     "app 3 socket\n"
     "app 4 socket peer\n"
     "app 3 bind 7103\n"
     "app 4 bind 7104\n"
     "wire hold both\n"
     "app 3 connect 7104\n"
     "app 4 connect 7103\n"
     "wire deliver 0\n"
     "wire inject synack 4 both\n"
     "app 4 urgent\n"
     "app 3 shutdown write\n"
     "app 4 reset\n"},
    {"a second FIN behind the first is taken, and is unread at the close",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 watch edge\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 close\n"},
    {"a second FIN after the first was read",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 recv 1\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 close\n"},
    {"two FINs, read one by one",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 watch edge\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 recv 1\n"
     "app 2 recv 1\n"
     "app 2 close\n"},
    {"two FINs, looked at",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 recv 1 peek\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 close\n"},
    {"a FIN is read with the last byte before it, then a second one comes",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 send fill 7\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 recv 7\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 close\n"},
    {"two FINs, the second one in LAST-ACK",
     "app socket\n"
     "app bind 7100\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "app accept 2\n"
     "app 1 option TCP_CORK 1\n"
     "app 1 send fill 1\n"
     "wire hold to-target\n"
     "app 1 close\n"
     "wire inject fin 2 to-target\n"
     "app 2 shutdown write\n"
     "app wait\n"
     "wire release both\n"
     "app wait\n"
     "app 2 close\n"
     "app 1 poll\n"
     "wire release both\n"},
    {"TCP_DEFER_ACCEPT: an acknowledgment behind data that was lost opens",
     "app socket\n"
     "app bind 7100\n"
     "app option TCP_DEFER_ACCEPT 1\n"
     "app listen 0\n"
     "app 1 socket peer\n"
     "app 1 connect 7100\n"
     "wire lose data 1\n"
     "app 1 send fill 1\n"
     "wire hold both\n"
     "wire inject syn 1 to-peer\n"
     "wire release both\n"
     "wire hold to-peer\n"},
    {"a listener's buffer that is set after the handshake is not the connection's",
     "app socket peer\n"
     "app bind 7003\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7003\n"
     "app option SO_SNDBUF off\n"
     "app accept 5\n"
     "app 5 get SO_SNDBUF\n"},
    {"a listener's buffer that is set before the handshake is",
     "app socket peer\n"
     "app bind 7003\n"
     "app option SO_SNDBUF 5000\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7003\n"
     "app accept 5\n"
     "app 5 get SO_SNDBUF\n"},
    {"data after close() whose acknowledgment is refused",
     "role stack\n"
     "wire cut to-target\n"
     "app 4 socket\n"
     "app 5 socket peer\n"
     "app 4 bind 7104\n"
     "app 5 bind 7105\n"
     "wire hold both\n"
     "app 4 connect 7105\n"
     "app 5 connect 7104\n"
     "wire release both\n"
     "app 5 close\n"
     "wire inject synack 4 both\n"
     "app 4 send \"a\"\n"},
    {"a listener's option that is set before the handshake ends is the connection's",
     "role stack\n"
     "wire lose ack 1\n"
     "app 2 socket\n"
     "app 2 bind 7102\n"
     "app 2 listen 0\n"
     "app 3 socket peer\n"
     "app 3 connect 7102\n"
     "app 2 option SO_OOBINLINE 1\n"
     "wire inject urgent 3 both\n"
     "app 2 accept 5\n"
     "app 5 recv 1\n"},
    {"below the low-water mark nobody is woken",
     "role stack\n"
     "app socket\n"
     "app bind 7001\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 option SO_RCVLOWAT 2\n"
     "app 1 connect 7001 own\n"
     "app accept 2\n"
     "app 1 watch edge\n"
     "app 2 dup 3\n"
     "app wait\n"
     "app 3 send \"h\"\n"
     "app wait\n"},
    {"bytes that are sent again right behind a change of state",
     "role stack\n"
     "app socket peer\n"
     "app bind 7004\n"
     "app listen 0\n"
     "app 1 socket\n"
     "app 1 connect 7004\n"
     "app accept 2\n"
     "wire lose data 1\n"
     "wire hold both\n"
     "app 3 socket\n"
     "app 3 connect 7004\n"
     "wire deliver 0\n"
     "wire deliver 0\n"
     "wire inject any 3 to-peer\n"
     "app accept 4\n"
     "app 2 shutdown both\n"
     "app 4 send \"0\"\n"
     "app 1 shutdown write\n"
     "wire deliver 1\n"
     "app 4 shutdown write\n"
     "wire deliver 1\n"
     "wire deliver 1\n"},
};
/* clang-format on */

static struct world *worlds[DIFF_WORLDS];
static struct diff *diff;

static void show(unsigned which, uint32_t at)
{
    const struct diff_form *form = diff_form(diff, which);
    char text[TRACE_DESCRIBE_MAX] = "nothing more";
    if (at < form->count) {
        (void)trace_describe(&form->events[at], text, sizeof text);
    }
    print_error("  %s: %s\n", worlds[which]->ops->name, text);
}

static void both_say_the_same(void **state)
{
    static struct scenario_text parsed;
    struct status_detail detail = {""};
    unsigned failed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof mended / sizeof mended[0]; i++) {
        struct diff_result result;
        assert_ok(scenario_parse(mended[i].what, mended[i].steps, strlen(mended[i].steps), &parsed,
                                 &detail),
                  &detail);
        assert_ok(diff_play(diff, &parsed.scenario, 1, &result, &detail), &detail);
        if (!result.same) {
            print_error("%s:\n", mended[i].what);
            show(DIFF_TOLD, result.at);
            show(DIFF_CHOOSES, result.at);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_say_the_same)};
    const struct linux_setup setup = {.slow = false};
    struct status_detail detail = {""};
    struct model *model = NULL;
    if (linux_world_new(&setup, &worlds[DIFF_CHOOSES], &detail) != STATUS_OK) {
        print_message("skipped: %s\n", detail.text);
        return 77;
    }
    assert_ok(model_new(NULL, &model, &detail), &detail);
    worlds[DIFF_TOLD] = model_world(model);
    assert_ok(diff_new(worlds[DIFF_TOLD], worlds[DIFF_CHOOSES], &diff, &detail), &detail);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    diff_free(diff);
    worlds[DIFF_TOLD]->ops->free(worlds[DIFF_TOLD]);
    worlds[DIFF_CHOOSES]->ops->free(worlds[DIFF_CHOOSES]);
    return failed;
}
