/* Socket options of lwIP's control blocks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "lwip_internal.h"

static int64_t option_key(int level, int name)
{
    return (int64_t)level << 32 | (uint32_t)name;
}
#define KEY(level, name) ((int64_t)(level) << 32 | (uint32_t)(name))

static void set_flag(struct tcp_pcb *pcb, u8_t flag, bool on)
{
    if (on) {
        ip_set_option(pcb, flag);
    } else {
        ip_reset_option(pcb, flag);
    }
}

int lwip_setsockopt(int s, int level, int name, const void *value, size_t size)
{
    struct description *description = lwip_at(s);
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    int number = 0;
    memcpy(&number, value, size < sizeof(number) ? size : sizeof(number));
    if (pcb == NULL) {
        return -EINVAL;
    }
    bool listens = description->phase == LISTENING;
    switch (option_key(level, name)) {
    case KEY(SOL_SOCKET, SO_LINGER):
        if (size < sizeof(description->linger)) {
            return -EINVAL;
        }
        memcpy(&description->linger, value, sizeof(description->linger));
        description->abortive =
            description->linger.l_onoff != 0 && description->linger.l_linger == 0;
        return 0;
    case KEY(SOL_SOCKET, SO_REUSEADDR):
        set_flag(pcb, SOF_REUSEADDR, number != 0);
        return 0;
    case KEY(SOL_SOCKET, SO_KEEPALIVE):
        set_flag(pcb, SOF_KEEPALIVE, number != 0);
        return 0;
    default:
        break;
    }
    if (listens || (level == IPPROTO_TCP && number < 0)) {
        return -EINVAL;
    }
    switch (option_key(level, name)) {
    case KEY(IPPROTO_TCP, OPTION_NODELAY):
        if (number != 0) {
            tcp_nagle_disable(pcb);
            (void)tcp_output(pcb);
        } else {
            tcp_nagle_enable(pcb);
        }
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPIDLE):
        pcb->keep_idle = 1000U * (u32_t)number;
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPINTVL):
        pcb->keep_intvl = 1000U * (u32_t)number;
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPCNT):
        pcb->keep_cnt = (u32_t)number;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int read_number(struct description *description, int64_t key, int *ret_number)
{
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    bool connects = description->phase != LISTENING && pcb != NULL;
    switch (key) {
    case KEY(SOL_SOCKET, SO_ERROR):
        *ret_number = lwip_take_error(description);
        return 0;
    case KEY(SOL_SOCKET, SO_ACCEPTCONN):
        *ret_number = description->phase == LISTENING;
        return 0;
    case KEY(SOL_SOCKET, SO_REUSEADDR):
        *ret_number = pcb != NULL && ip_get_option(pcb, SOF_REUSEADDR) != 0;
        return 0;
    case KEY(SOL_SOCKET, SO_KEEPALIVE):
        *ret_number = pcb != NULL && ip_get_option(pcb, SOF_KEEPALIVE) != 0;
        return 0;
    case KEY(IPPROTO_TCP, OPTION_NODELAY):
        *ret_number = connects && tcp_nagle_disabled(pcb);
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPIDLE):
        *ret_number = connects ? (int)(pcb->keep_idle / 1000) : 0;
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPINTVL):
        *ret_number = connects ? (int)(pcb->keep_intvl / 1000) : 0;
        return 0;
    case KEY(IPPROTO_TCP, OPTION_KEEPCNT):
        *ret_number = connects ? (int)pcb->keep_cnt : 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int lwip_getsockopt(int s, int level, int name, void *value, size_t *size)
{
    struct description *description = lwip_at(s);
    if (option_key(level, name) == KEY(SOL_SOCKET, SO_LINGER)) {
        *size = *size < sizeof(description->linger) ? *size : sizeof(description->linger);
        memcpy(value, &description->linger, *size);
        return 0;
    }
    int number = 0;
    int result = read_number(description, option_key(level, name), &number);
    if (result == 0) {
        *size = *size < sizeof(number) ? *size : sizeof(number);
        memcpy(value, &number, *size);
    }
    return result;
}
