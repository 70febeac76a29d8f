/* The files of the built-in corpus, generated from corpus/conformance and corpus/stack at
 * build time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_CORPUS_H
#define SOCKSPEC_SUITE_CORPUS_H

#include <stddef.h>

struct corpus_file {
    const char *name; /* path below corpus/conformance, or below corpus, without the extension */
    const char *text;
    size_t size;
};

extern const struct corpus_file corpus_files[];
extern const size_t corpus_file_count;

#endif
