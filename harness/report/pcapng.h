/* A run's segments as a pcapng file, which Wireshark reads: both directions, with comments on the
 * packets that matter. The trace knows of a segment what kind it is, where it stands in its stream
 * and how long it is, not its bytes: packets are made from that, cut behind the TCP header, with
 * the length that they had. Written by hand because libpcap writes only the classic format, which
 * has no comments. Source of the format: the IETF draft "PCAP Next Generation (pcapng) Capture File
 * Format". */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REPORT_PCAPNG_H
#define SOCKSPEC_REPORT_PCAPNG_H

#include "base/status.h"
#include "trace/output.h"
#include "trace/trace.h"

/* A comment on an event: it stands on the packet that the event is about, or on the last one of the
 * same connection before it. */
struct pcapng_note {
    uint32_t event;   /* index in the trace */
    const char *text; /* UTF-8 */
};

/* Errors: STATUS_NO_MEMORY, and those of the output. */
enum status pcapng_write(const struct trace *trace, const struct pcapng_note *notes,
                         uint32_t note_count, const struct trace_output *output,
                         struct status_detail *detail) STATUS_MUST_USE;

#endif
