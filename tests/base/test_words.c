/* The nearest word, and lists of words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "base/words.h"

static const char *const words[] = {"connect",   "close",  "reset", "send",
                                    "to-target", "EMFILE", "fin",   "x"};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static const char *nearest(const char *text)
{
    return words_nearest(text, strlen(text), words, WORDS);
}

static void nearest_forgives_one_slip_in_three_letters(void **state)
{
    (void)state;
    assert_string_equal(nearest("conect"), "connect");
    assert_string_equal(nearest("cnonect"), "connect");
    assert_string_equal(nearest("clsoe"), "close");
    assert_string_equal(nearest("rst"), "reset");
    assert_string_equal(nearest("sned"), "send");
    assert_string_equal(nearest("to_target"), "to-target");
    assert_string_equal(nearest("ifn"), "fin");
}

static void nearest_ignores_case(void **state)
{
    (void)state;
    assert_string_equal(nearest("emfile"), "EMFILE");
    assert_string_equal(nearest("Close"), "close");
}

static void nearest_of_another_word_is_none(void **state)
{
    (void)state;
    assert_null(nearest("listen"));
    assert_null(nearest("y"));
    assert_null(nearest(""));
    assert_null(nearest("a word that is longer than all words are"));
    assert_null(words_nearest("close", 5, words, 0));
}

static void join_lists_with_commas(void **state)
{
    (void)state;
    char text[64];
    assert_int_equal(words_join(text, sizeof(text), words, 3), 21);
    assert_string_equal(text, "connect, close, reset");
    assert_int_equal(words_join(text, sizeof(text), words, 0), 0);
    assert_string_equal(text, "");
}

static void join_cuts_to_fit(void **state)
{
    (void)state;
    char text[12];
    assert_int_equal(words_join(text, sizeof(text), words, WORDS), 11);
    assert_string_equal(text, "connect, cl");
}

static void assert_quoted(const char *word, const char *expected)
{
    char text[32] = "x ";
    words_quote(text, sizeof(text), word);
    assert_string_equal(text + 2, expected);
}

static void quote_leaves_plain_words_alone(void **state)
{
    (void)state;
    assert_quoted("/a/b-1.2_c:{port}", "/a/b-1.2_c:{port}");
    assert_quoted("a b", "'a b'");
    assert_quoted("it's", "'it'\\''s'");
    assert_quoted("{a,b}", "'{a,b}'");
    assert_quoted("", "''");
    assert_quoted("$HOME is longer than there is room", "'$HOME is longer than there i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_forgives_one_slip_in_three_letters),
        cmocka_unit_test(nearest_ignores_case),
        cmocka_unit_test(nearest_of_another_word_is_none),
        cmocka_unit_test(join_lists_with_commas),
        cmocka_unit_test(join_cuts_to_fit),
        cmocka_unit_test(quote_leaves_plain_words_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
