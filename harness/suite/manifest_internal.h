/* Inside the manifest: between reading a file and what it means as a whole. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_MANIFEST_INTERNAL_H
#define SOCKSPEC_SUITE_MANIFEST_INTERNAL_H

#include "suite/manifest.h"

/* What only the whole file shows, once every line is read: keys that need or exclude each other.
 * Completes the manifest. Errors: STATUS_SYNTAX. */
enum status manifest_check(struct manifest *manifest, struct status_detail *detail) STATUS_MUST_USE;

#endif
