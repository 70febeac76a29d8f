/* Redirected calls: names of hosts and services. Numeric and local ones are answered, without
 * files, servers or sockets of the C library's own; any other name does not exist. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "redirect/calls.h"
#include "redirect/task.h"

/* One answer, in one block of the program's heap. */
struct answer {
    struct addrinfo info;
    struct sockaddr_storage address;
    char name[NI_MAXHOST];
};

struct question {
    int flags;
    int socktype;
    int protocol;
    in_port_t port; /* network order */
    const char *name;
};

static int add_answer(const struct question *question, int family, const void *address,
                      struct addrinfo ***link)
{
    static const struct {
        int socktype;
        int protocol;
    } kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((question->socktype != 0 && question->socktype != kinds[i].socktype) ||
            (question->protocol != 0 && question->protocol != kinds[i].protocol)) {
            continue;
        }
        struct answer *answer = sockspec_call_calloc(1, sizeof *answer);
        if (answer == NULL) {
            return EAI_MEMORY;
        }
        if (family == AF_INET) {
            struct sockaddr_in *in = (struct sockaddr_in *)&answer->address;
            in->sin_port = question->port;
            memcpy(&in->sin_addr, address, sizeof in->sin_addr);
        } else {
            struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&answer->address;
            in6->sin6_port = question->port;
            memcpy(&in6->sin6_addr, address, sizeof in6->sin6_addr);
        }
        answer->address.ss_family = (sa_family_t)family;
        answer->info =
            (struct addrinfo){.ai_flags = question->flags,
                              .ai_family = family,
                              .ai_socktype = kinds[i].socktype,
                              .ai_protocol = kinds[i].protocol,
                              .ai_addrlen = family == AF_INET ? sizeof(struct sockaddr_in)
                                                              : sizeof(struct sockaddr_in6),
                              .ai_addr = (struct sockaddr *)&answer->address};
        if ((question->flags & AI_CANONNAME) != 0 && question->name != NULL) {
            (void)snprintf(answer->name, sizeof answer->name, "%s", question->name);
            answer->info.ai_canonname = answer->name;
        }
        **link = &answer->info;
        *link = &answer->info.ai_next;
    }
    return 0;
}

/* Ports of the services that test programs name. */
static int service_port(const char *service, int flags, in_port_t *ret_port)
{
    static const struct {
        const char *name;
        uint16_t port;
    } services[] = {{"echo", 7},  {"daytime", 13}, {"ftp", 21},
                    {"smtp", 25}, {"http", 80},    {"https", 443}};
    char *end;
    if (service == NULL || service[0] == '\0') {
        *ret_port = 0;
        return 0;
    }
    unsigned long port = strtoul(service, &end, 10);
    if (*end == '\0') {
        *ret_port = htons((uint16_t)port);
        return port > UINT16_MAX ? EAI_SERVICE : 0;
    }
    for (size_t i = 0; (flags & AI_NUMERICSERV) == 0 && i < sizeof services / sizeof services[0];
         i++) {
        if (strcmp(service, services[i].name) == 0) {
            *ret_port = htons(services[i].port);
            return 0;
        }
    }
    return (flags & AI_NUMERICSERV) != 0 ? EAI_NONAME : EAI_SERVICE;
}

/* `::1` before `127.0.0.1`, `0.0.0.0` before `::`, as the C library orders them. */
static int local_answers(const struct question *question, int family, struct addrinfo ***link)
{
    bool passive = question->name == NULL && (question->flags & AI_PASSIVE) != 0;
    struct in_addr in = {.s_addr = htonl(passive ? INADDR_ANY : INADDR_LOOPBACK)};
    struct in6_addr in6 = passive ? in6addr_any : in6addr_loopback;
    int error = 0;
    if (passive && family != AF_INET6) {
        error = add_answer(question, AF_INET, &in, link);
    }
    if (error == 0 && family != AF_INET) {
        error = add_answer(question, AF_INET6, &in6, link);
    }
    if (error == 0 && !passive && family != AF_INET6) {
        error = add_answer(question, AF_INET, &in, link);
    }
    return error;
}

static int host_answers(const struct question *question, int family, struct addrinfo ***link)
{
    struct in_addr in;
    struct in6_addr in6;
    if (question->name == NULL) {
        return local_answers(question, family, link);
    }
    if (inet_aton(question->name, &in) != 0) {
        return family == AF_INET6 ? EAI_ADDRFAMILY : add_answer(question, AF_INET, &in, link);
    }
    if (inet_pton(AF_INET6, question->name, &in6) == 1) {
        return family == AF_INET ? EAI_ADDRFAMILY : add_answer(question, AF_INET6, &in6, link);
    }
    if ((question->flags & AI_NUMERICHOST) != 0 || strcasecmp(question->name, "localhost") != 0) {
        return EAI_NONAME;
    }
    return local_answers(question, family, link);
}

int sockspec_call_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                              struct addrinfo **ret_list)
{
    static const struct addrinfo no_hints = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    struct addrinfo **link = &list;
    if (hints == NULL) {
        hints = &no_hints;
    }
    if (name == NULL && service == NULL) {
        return EAI_NONAME;
    }
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
        hints->ai_family != AF_INET6) {
        return EAI_FAMILY;
    }
    struct question question = {.flags = hints->ai_flags,
                                .socktype = hints->ai_socktype,
                                .protocol = hints->ai_protocol,
                                .name = name};
    int error = service_port(service, hints->ai_flags, &question.port);
    error = error == 0 ? host_answers(&question, hints->ai_family, &link) : error;
    if (error == 0 && list == NULL) {
        error = EAI_SOCKTYPE;
    }
    if (error != 0) {
        sockspec_call_freeaddrinfo(list);
        return error;
    }
    *ret_list = list;
    return 0;
}

void sockspec_call_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        sockspec_call_free(list);
        list = next;
    }
}

/* Always the numeric form: no resolver knows these hosts. */
int sockspec_call_getnameinfo(const struct sockaddr *address, socklen_t size, char *host,
                              socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    if ((flags & NI_NAMEREQD) != 0) {
        return EAI_NONAME;
    }
    return getnameinfo(address, size, host, host_size, service, service_size,
                       (int)((unsigned)flags | NI_NUMERICHOST | NI_NUMERICSERV));
}

struct hostent *sockspec_call_gethostbyname(const char *name)
{
    static struct in_addr address;
    static char *addresses[2];
    static char *aliases[1];
    static struct hostent host;
    static char kept[NI_MAXHOST];
    if (strcasecmp(name, "localhost") == 0) {
        address.s_addr = htonl(INADDR_LOOPBACK);
    } else if (inet_aton(name, &address) == 0) {
        h_errno = HOST_NOT_FOUND;
        return NULL;
    }
    (void)snprintf(kept, sizeof kept, "%s", name);
    addresses[0] = (char *)&address;
    host = (struct hostent){.h_name = kept,
                            .h_aliases = aliases,
                            .h_addrtype = AF_INET,
                            .h_length = sizeof address,
                            .h_addr_list = addresses};
    return &host;
}
