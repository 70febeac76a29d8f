/* What a hot function calls rarely, marked so that it costs the hot way nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_COLD_H
#define SOCKSPEC_BASE_COLD_H

#if defined(__has_attribute)
#if __has_attribute(preserve_most) && defined(__x86_64__) && defined(__clang__)
#define COLD_PRESERVES 1
#endif
#endif

/* Out of line, away from hot code, and, where the compiler can, saving the registers itself: a
 * caller that needs it once in a million calls saves none for it. Stands in the declaration that
 * callers see and in the definition; for functions without a result only, as clang 14 saves the
 * register that a result would come in. */
#if defined(COLD_PRESERVES)
#define COLD_CALL __attribute__((cold, noinline, preserve_most))
#else
#define COLD_CALL __attribute__((cold, noinline))
#endif

#define LIKELY(condition) __builtin_expect((condition) != 0, 1)
#define UNLIKELY(condition) __builtin_expect((condition) != 0, 0)

#endif
