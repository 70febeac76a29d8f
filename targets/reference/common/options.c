/* Command line of the reference programs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_HOST = 1 << 8, OPTION_PORT = 1 << 9, OPTION_ALWAYS = OPTION_HOST | OPTION_PORT };

static const struct option option_table[] = {
    {"host", required_argument, NULL, OPTION_HOST},
    {"port", required_argument, NULL, OPTION_PORT},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"requests", required_argument, NULL, OPTION_REQUESTS},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"path", required_argument, NULL, OPTION_PATH},
    {NULL, 0, NULL, 0},
};

static int print_usage(const char *program, unsigned accepted)
{
    (void)fprintf(stderr, "usage: %s", program);
    for (const struct option *o = option_table; o->name != NULL; o++)
        if (accepted & (unsigned)o->val)
            (void)fprintf(stderr, o->val == OPTION_PORT ? " --%s N" : " [--%s X]", o->name);
    (void)fprintf(stderr, "\n");
    return -1;
}

static int parse_number(const char *name, const char *text, int max, int *ret_number)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > max) {
        (void)fprintf(stderr, "--%s: expected a number from 1 to %d, got '%s'\n", name, max, text);
        return -1;
    }
    *ret_number = (int)number;
    return 0;
}

static int parse_address(const char *host, int port, struct options *options)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&options->address, &v4, sizeof(v4));
        options->address_length = sizeof(v4);
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&options->address, &v6, sizeof(v6));
        options->address_length = sizeof(v6);
    } else {
        (void)fprintf(stderr, "--host: expected a numeric address, got '%s'\n", host);
        return -1;
    }
    return 0;
}

/* Takes one option that getopt_long recognised. */
static int take_option(int kind, const char *name, char *text, struct options *options)
{
    int seconds = 0;
    switch (kind) {
    case OPTION_IDLE_TIMEOUT:
    case OPTION_TIMEOUT:
        if (parse_number(name, text, INT_MAX / 1000, &seconds) < 0)
            return -1;
        *(kind == OPTION_TIMEOUT ? &options->timeout_ms : &options->idle_ms) = seconds * 1000;
        return 0;
    case OPTION_REQUESTS:
        return parse_number(name, text, INT_MAX, &options->requests);
    case OPTION_SIZE:
        return parse_number(name, text, 1 << 24, &options->size);
    default:
        options->path = text;
        return 0;
    }
}

int options_parse(int argc, char **argv, unsigned accepted, struct options *ret_options)
{
    struct options options = {
        .idle_ms = 30000, .timeout_ms = 10000, .requests = 1, .size = 64, .path = "/"};
    const char *host = "0.0.0.0";
    int port = 0;
    int kind = 0;
    int index = 0;
    accepted |= OPTION_ALWAYS;
    while ((kind = getopt_long(argc, argv, "", option_table, &index)) != -1) {
        if (kind == '?' || !(accepted & (unsigned)kind))
            return print_usage(argv[0], accepted);
        if (kind == OPTION_HOST) {
            host = optarg;
        } else if (kind == OPTION_PORT) {
            if (parse_number("port", optarg, 65535, &port) < 0)
                return -1;
        } else if (take_option(kind, option_table[index].name, optarg, &options) < 0) {
            return -1;
        }
    }
    if (optind != argc || port == 0)
        return print_usage(argv[0], accepted);
    if (parse_address(host, port, &options) < 0)
        return -1;
    *ret_options = options;
    return 0;
}
