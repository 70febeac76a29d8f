/* The closed table of choices. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/choices.h"

#define DIFF_CHOICE_TEXT(name, text) [DIFF_CHOICE_##name] = (text),
static const char *const texts[DIFF_CHOICE_COUNT] = {DIFF_CHOICE_TABLE(DIFF_CHOICE_TEXT)};
#undef DIFF_CHOICE_TEXT

const char *diff_choice_text(enum diff_choice choice)
{
    return (unsigned)choice < DIFF_CHOICE_COUNT ? texts[choice] : "?";
}
