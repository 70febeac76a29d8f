/* The writable memory of a linked program, saved once and put back before every run. Owned by one
 * runner. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_IMAGE_H
#define SOCKSPEC_REDIRECT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "sockspec/program.h"

struct redirect_part {
    char *at;
    size_t size; /* bytes */
    char *saved; /* what stands there before a run; NULL: zeros */
};

struct redirect_image {
    const struct sockspec_program *program;
    struct redirect_part data;
    struct redirect_part zero;
    struct redirect_part tls_data; /* `at` is that of the thread that saved */
    struct redirect_part tls_zero;
    struct redirect_part thread_data; /* the same where no constructor has run: of a new thread */
    struct redirect_part thread_zero;
    bool thread_saved;
};

/* Saves the program's memory as it is now: after its constructors, before its first run. Call it on
 * a thread where the program has not run. Errors: STATUS_NO_MEMORY. */
enum status redirect_image_save(struct redirect_image *image,
                                const struct sockspec_program *program,
                                struct status_detail *detail) STATUS_MUST_USE;
/* Puts it back, thread-local storage for the calling thread. No system call. */
void redirect_image_restore(const struct redirect_image *image);
/* Puts thread-local storage of the calling thread in the state of a new thread. The first call, on
 * a thread that is new indeed, saves that state. Errors: STATUS_NO_MEMORY. */
enum status redirect_image_begin_thread(struct redirect_image *image, bool is_new) STATUS_MUST_USE;
void redirect_image_done(struct redirect_image *image);

#endif
