/* The parts of the report parser by themselves: dates, folding, labels and status words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "report/fold.h"
#include "report/labels.h"
#include "report/moment.h"

static void dates_are_read_where_day_and_month_are_certain(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool english;
        enum kms_moment wanted;
        int64_t when;
    } rows[] = {
        {"21.02.2013 14:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"21. 2. 2013 14:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"2/21/2013 2:50:58 PM", true, KMS_MOMENT_SURE, 1361458258},
        {"2/21/2013 2:50:58 PM", false, KMS_MOMENT_SURE, 1361458258},
        {"21/02/2013 14:50:58", true, KMS_MOMENT_SURE, 1361458258},
        {"2013/2/21 14:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"2013-02-21 14:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"2013-02-21 오후 2:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"2013/2/21 下午 02:50:58", false, KMS_MOMENT_SURE, 1361458258},
        {"21.02.13 14.50.58", false, KMS_MOMENT_SURE, 1361458258},
        {"21/2/2013 2:50:58 p. m.", false, KMS_MOMENT_SURE, 1361458258},
        {"2/2/2013 0:00:00", false, KMS_MOMENT_SURE, 1359763200},
        {"1/2/2013 12:00:00 AM", true, KMS_MOMENT_SURE, 1357084800},
        {"1/2/2013 12:00:00 AM", false, KMS_MOMENT_AMBIGUOUS, 0},
        {"01/02/2013 14:50:58", true, KMS_MOMENT_AMBIGUOUS, 0},
        {"01-02-2013 14:50:58", false, KMS_MOMENT_AMBIGUOUS, 0},
        {"01/02/13 14:50:58", false, KMS_MOMENT_AMBIGUOUS, 0},
        {"2/30/2013 2:50:58 PM", true, KMS_MOMENT_NONE, 0},
        {"2/21/2013 13:50:58 PM", true, KMS_MOMENT_NONE, 0},
        {"21.02.2013", false, KMS_MOMENT_NONE, 0},
        {"21.02.2013 24:00:00", false, KMS_MOMENT_NONE, 0},
        {"21.02.1601 14:50:58", false, KMS_MOMENT_NONE, 0},
        {"", false, KMS_MOMENT_NONE, 0},
        {"soon", true, KMS_MOMENT_NONE, 0},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        int64_t when = 0;
        enum kms_moment found = kms_moment_read(rows[i].text, strlen(rows[i].text), rows[i].english,
                                                &when);
        if (found != rows[i].wanted || when != rows[i].when) {
            fail_msg("'%s': %d, %lld", rows[i].text, (int)found, (long long)when);
        }
    }
}

static void expect_same_fold(const char *a, const char *b)
{
    struct kms_folded x;
    struct kms_folded y;
    kms_fold(a, strlen(a), &x);
    kms_fold(b, strlen(b), &y);
    if (x.count != y.count || memcmp(x.c, y.c, x.count * sizeof(x.c[0])) != 0) {
        fail_msg("'%s' and '%s' fold differently", a, b);
    }
}

static void folding_leaves_only_what_tells_labels_apart(void **state)
{
    (void)state;
    expect_same_fold("KMS-Priorit\xC3\xA4t: Normal",
                     "kms\xE2\x80\x93PRIORIT\xC3\x84T\xC2\xA0:Normal");
    expect_same_fold("„Lizenziert“:", "\"LIZENZIERT\" :");
    expect_same_fold("名称：x", "名称: X");
    expect_same_fold("ＫＭＳ", "kms");
    expect_same_fold("ТЕКУЩЕЕ КОЛИЧЕСТВО Ё", "текущее количество ё");
    expect_same_fold("ΆΈΉΊΌΎΏ ΑΩΣ", "άέήίόύώ αως");
    expect_same_fold("ŁÓDŹ ŽĎ ŐŰ ŸİỆ", "łódź žď őű ÿiệ");
    expect_same_fold("l\xE2\x80\x99"
                     "ordinateur",
                     "l'ordinateur");
}

static void columns_of_east_asian_characters_count_twice(void **state)
{
    (void)state;
    assert_int_equal(kms_fold_width("abc", 3), 3);
    assert_int_equal(kms_fold_width("名称", 6), 4);
    assert_int_equal(kms_fold_width("ä", 2), 1);
    assert_int_equal(kms_fold_width("\xFF", 1), 1);
}

static void typographic_dashes_and_quotes_become_plain(void **state)
{
    (void)state;
    char text[64];
    const char *from = " a \xE2\x80\x93 „b“ l\xE2\x80\x99"
                       "c\t|\xC2\xA0 ";
    kms_fold_plain(text, sizeof(text), from, strlen(from));
    assert_string_equal(text, "a - \"b\" l'c ?");
}

static enum kms_line_kind kind_of(const struct kms_label_book *book, const char *text)
{
    struct kms_label_hit hit;
    return kms_label_find(book, text, strlen(text), &hit) ? hit.kind : KMS_LINE_UNKNOWN;
}

static void lines_are_recognised_by_their_labels(void **state)
{
    (void)state;
    struct kms_label_book *book;
    assert_int_equal(kms_label_book_new(&book), KMS_OK);
    assert_int_equal(kind_of(book, "Current count: 5"), KMS_LINE_COUNT);
    assert_int_equal(kind_of(book, "   current COUNT :5"), KMS_LINE_COUNT);
    assert_int_equal(kind_of(book, "Current counts: 5"), KMS_LINE_UNKNOWN);
    assert_int_equal(kind_of(book, "KMS priority: Low"), KMS_LINE_PRIORITY_LOW);
    assert_int_equal(kind_of(book, "KMS priority: Odd"), KMS_LINE_PRIORITY);
    assert_int_equal(kind_of(book, "License Status: Whatever"), KMS_LINE_STATUS);
    assert_int_equal(kind_of(book, "Volume activation expiration: 5 minute(s) (0 day(s))"),
                     KMS_LINE_EXPIRES);
    assert_int_equal(kind_of(book, "Notification Reason: 0xC004F00F (grace time expired)."),
                     KMS_LINE_REASON);
    assert_int_equal(kind_of(book, "This license is not in use."), KMS_LINE_NOT_IN_USE);
    assert_int_equal(kind_of(book, "Error: product not found."), KMS_LINE_ERROR);
    assert_int_equal(kind_of(book, "D\xC3\xA9"
                                   "compte actuel : 5"),
                     KMS_LINE_COUNT);
    assert_int_equal(kind_of(book, ""), KMS_LINE_UNKNOWN);
    assert_true(kms_label_is_cut(book, "Current cou", 11));
    assert_false(kms_label_is_cut(book, "Current cow", 11));
    assert_false(kms_label_is_cut(book, "", 0));
    kms_label_book_free(book);
}

static const struct kms_status_words quoted = {
    .label = {"Żądania: „Bez licencji”", "Żądania: „Licencjonowany”", "Żądania: „Początkowy okres”",
              "Żądania: „Wygasła”", "Żądania: „Nieoryginalny”", "Żądania: „Powiadomienie”"}};

static void status_words_are_where_the_labels_differ(void **state)
{
    (void)state;
    struct kms_status_words words = quoted;
    for (size_t i = 0; i < KMS_COUNT_OF(words.label); i++) {
        words.len[i] = strlen(words.label[i]);
    }
    int status;
    assert_true(kms_status_words_find(&words, "licencjonowany", 14, &status));
    assert_int_equal(status, 1);
    assert_true(kms_status_words_find(&words, "Powiadomienie.", 14, &status));
    assert_int_equal(status, 5);
    assert_false(kms_status_words_find(&words, "Licencj", 7, &status));
    assert_false(kms_status_words_find(&words, "owany", 5, &status));
    assert_false(kms_status_words_find(&words, "", 0, &status));
    words.len[3] = 0;
    assert_false(kms_status_words_find(&words, "licencjonowany", 14, &status));
}

/* The words begin alike: that letter belongs to the label's common part and to the word. */
static void status_words_may_begin_alike(void **state)
{
    (void)state;
    struct kms_status_words words = {.label = {"State xaa end", "State xbb end", "State xcc end",
                                               "State xdd end", "State xee end", "State xff end"},
                                     .len = {13, 13, 13, 13, 13, 13}};
    int status;
    assert_true(kms_status_words_find(&words, "xcc", 3, &status));
    assert_int_equal(status, 2);
    assert_false(kms_status_words_find(&words, "xc", 2, &status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_read_where_day_and_month_are_certain),
        cmocka_unit_test(folding_leaves_only_what_tells_labels_apart),
        cmocka_unit_test(columns_of_east_asian_characters_count_twice),
        cmocka_unit_test(typographic_dashes_and_quotes_become_plain),
        cmocka_unit_test(lines_are_recognised_by_their_labels),
        cmocka_unit_test(status_words_are_where_the_labels_differ),
        cmocka_unit_test(status_words_may_begin_alike),
    };
    return cmocka_run_group_tests_name("report_pieces", tests, NULL, NULL);
}
