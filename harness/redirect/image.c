/* Saving and restoring a program's writable memory. The copies are string instructions: sanitizers
 * do not look at them, so redzones between the program's variables are copied like everything else,
 * and they move tens of bytes a cycle. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/image.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

#if defined(__x86_64__)
static void copy_bytes(char *to, const char *from, size_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static void zero_bytes(char *to, size_t size)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(0) : "memory");
}
#else
__attribute__((no_sanitize("address"))) static void copy_bytes(char *to, const char *from,
                                                               size_t size)
{
    for (volatile const char *at = from; size > 0; size--) {
        *to++ = *at++;
    }
}

__attribute__((no_sanitize("address"))) static void zero_bytes(char *to, size_t size)
{
    for (volatile char *at = to; size > 0; size--) {
        *at++ = 0;
    }
}
#endif

__attribute__((no_sanitize("address"))) static bool all_zero(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Constructors may have written to what was linked as zeros: then that is saved too. */
static enum status save(struct redirect_part *part, char *at, const char *end)
{
    *part = (struct redirect_part){.at = at, .size = at == NULL ? 0 : (size_t)(end - at)};
    if (part->size == 0 || all_zero(at, part->size)) {
        return STATUS_OK;
    }
    /* String instructions are fastest between cache lines that begin together. */
    part->saved =
        aligned_alloc(CACHE_LINE, (part->size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
    if (part->saved == NULL) {
        return STATUS_NO_MEMORY;
    }
    copy_bytes(part->saved, at, part->size);
    return STATUS_OK;
}

enum status redirect_image_save(struct redirect_image *image,
                                const struct sockspec_program *program,
                                struct status_detail *detail)
{
    struct sockspec_program_tls tls = {0};
    if (program->tls != NULL) {
        program->tls(&tls);
    }
    *image = (struct redirect_image){.program = program};
    if (save(&image->data, program->data, program->data_end) != STATUS_OK ||
        save(&image->zero, program->zero, program->zero_end) != STATUS_OK ||
        save(&image->tls_data, tls.data, tls.data_end) != STATUS_OK ||
        save(&image->tls_zero, tls.zero, tls.zero_end) != STATUS_OK) {
        redirect_image_done(image);
        return status_fail(detail, STATUS_NO_MEMORY, "%s: no memory for its image", program->name);
    }
    return STATUS_OK;
}

static void restore(const struct redirect_part *part, char *at)
{
    if (part->size == 0) {
        return;
    }
    if (part->saved == NULL) {
        zero_bytes(at, part->size);
    } else {
        copy_bytes(at, part->saved, part->size);
    }
}

void redirect_image_restore(const struct redirect_image *image)
{
    assert(image->program != NULL);
    restore(&image->data, image->data.at);
    restore(&image->zero, image->zero.at);
    if (image->tls_data.size + image->tls_zero.size > 0) {
        struct sockspec_program_tls tls;
        image->program->tls(&tls);
        restore(&image->tls_data, tls.data);
        restore(&image->tls_zero, tls.zero);
    }
}

enum status redirect_image_begin_thread(struct redirect_image *image, bool is_new)
{
    struct sockspec_program_tls tls = {0};
    if (image->tls_data.size + image->tls_zero.size == 0) {
        return STATUS_OK;
    }
    image->program->tls(&tls);
    if (!is_new) {
        assert(image->thread_saved);
        restore(&image->thread_data, tls.data);
        restore(&image->thread_zero, tls.zero);
        return STATUS_OK;
    }
    if (!image->thread_saved) {
        if (save(&image->thread_data, tls.data, tls.data_end) != STATUS_OK ||
            save(&image->thread_zero, tls.zero, tls.zero_end) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        image->thread_saved = true;
    }
    return STATUS_OK;
}

void redirect_image_done(struct redirect_image *image)
{
    free(image->data.saved);
    free(image->zero.saved);
    free(image->tls_data.saved);
    free(image->tls_zero.saved);
    free(image->thread_data.saved);
    free(image->thread_zero.saved);
    *image = (struct redirect_image){0};
}
