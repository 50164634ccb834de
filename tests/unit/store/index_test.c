/* Numbers of names: stable over restarts, never given twice, and no guess from a damaged file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "store/index.h"

struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    kms_text_copy(place->folder, sizeof place->folder, "/tmp/kms-index-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    kms_text_format(place->path, sizeof place->path, "%s/index", place->folder);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    (void)unlink(place->path);
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

static struct kms_index *open_index(const char *path)
{
    struct kms_index *index = NULL;
    struct kms_fault fault = {0};
    if (kms_index_open(path, &index, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    return index;
}

static void write_file(const char *path, const char *text)
{
    assert_int_equal(kms_file_replace(path, text, strlen(text), 0640, NULL), KMS_OK);
}

static char *read_file(const char *path)
{
    struct kms_buf buf;
    struct kms_file_stamp stamp;
    kms_buf_init(&buf, 1 << 20);
    assert_int_equal(kms_file_read(path, &buf, &stamp, NULL), KMS_OK);
    return kms_buf_take(&buf);
}

static void numbers_start_at_one_and_each_space_counts_for_itself(void **state)
{
    (void)state;
    struct kms_index *index = open_index(NULL);
    assert_int_equal(kms_index_get(index, "host", "kms1"), 1);
    assert_int_equal(kms_index_get(index, "host", "kms2"), 2);
    assert_int_equal(kms_index_get(index, "key/1", "kms1"), 1);
    assert_int_equal(kms_index_get(index, "host", "kms1"), 1);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);
}

static void a_name_that_is_only_looked_for_gets_no_number(void **state)
{
    (void)state;
    struct kms_index *index = open_index(NULL);
    assert_int_equal(kms_index_find(index, "host", "kms1"), 0);
    assert_int_equal(kms_index_get(index, "host", "kms1"), 1);
    assert_int_equal(kms_index_find(index, "host", "kms1"), 1);
    assert_int_equal(kms_index_find(index, "host", "kms2"), 0);
    assert_int_equal(kms_index_find(index, "key/1", "kms1"), 0);
    assert_int_equal(kms_index_get(index, "host", "kms2"), 2);
    kms_index_free(index);
}

static bool begins_alike(const char *a, const char *b)
{
    return a[0] == b[0];
}

static void names_that_are_alike_are_many_from_the_limit_on(void **state)
{
    (void)state;
    static const char *const names[] = {"a1", "b1", "a2", "b2", "a3"};
    struct kms_index *index = open_index(NULL);
    assert_false(kms_index_has_many(index, "key/1", "a", begins_alike, 1));
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        (void)kms_index_get(index, "key/1", names[i]);
        (void)kms_index_get(index, "key/2", "a9");
    }
    assert_true(kms_index_has_many(index, "key/1", "a", begins_alike, 3));
    assert_false(kms_index_has_many(index, "key/1", "a", begins_alike, 4));
    assert_true(kms_index_has_many(index, "key/1", "b", begins_alike, 2));
    assert_false(kms_index_has_many(index, "key/1", "b", begins_alike, 3));
    assert_false(kms_index_has_many(index, "key/2", "a", begins_alike, 2));
    kms_index_free(index);
}

static void numbers_are_the_same_after_reopening(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "b"), 1);
    assert_int_equal(kms_index_get(index, "host", "a"), 2);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);

    index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "c"), 3);
    assert_int_equal(kms_index_get(index, "host", "a"), 2);
    assert_int_equal(kms_index_get(index, "host", "b"), 1);
    kms_index_free(index);
}

static void a_name_that_nobody_asks_for_keeps_its_number(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = open_index(place->path);
    (void)kms_index_get(index, "host", "retired");
    (void)kms_index_get(index, "host", "stays");
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);

    index = open_index(place->path);
    (void)kms_index_get(index, "host", "stays");
    assert_int_equal(kms_index_get(index, "host", "new"), 3);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);

    index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "retired"), 1);
    kms_index_free(index);
}

static void a_number_whose_line_was_removed_is_not_given_again(void **state)
{
    const struct place *place = *state;
    write_file(place->path, "kmsmon-index 1\n1 host a\nnext 8 host\n");
    struct kms_index *index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "b"), 8);
    kms_index_free(index);
}

static void the_file_is_plain_text_with_escaped_names(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = open_index(place->path);
    (void)kms_index_get(index, "host", "a b\n100%\x7F");
    (void)kms_index_get(index, "host", "k\xC3\xA4se");
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);

    char *text = read_file(place->path);
    assert_string_equal(
        text, "kmsmon-index 1\n1 host a%20b%0A100%25%7F\n2 host k\xC3\xA4se\nnext 3 host\n");
    free(text);
    struct stat st;
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "a b\n100%\x7F"), 1);
    kms_index_free(index);
}

static void without_news_nothing_is_written(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = open_index(place->path);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    assert_int_not_equal(access(place->path, F_OK), 0);
    (void)kms_index_get(index, "host", "a");
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    assert_int_equal(unlink(place->path), 0);
    (void)kms_index_get(index, "host", "a");
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    assert_int_not_equal(access(place->path, F_OK), 0);
    kms_index_free(index);
}

static void a_damaged_file_is_refused_with_its_line(void **state)
{
    const struct place *place = *state;
    static const struct {
        const char *text;
        size_t line;
        const char *why;
    } rows[] = {
        {"", 1, "not an index file"},
        {"kmsmon-index 2\n", 1, "not an index file"},
        {"\x7F"
         "ELF",
         1, "not an index file"},
        {"kmsmon-index 1\n1 host a\nx host b\nnext 3 host\n", 3, "expected a number"},
        {"kmsmon-index 1\n0 host a\nnext 3 host\n", 2, "expected a number"},
        {"kmsmon-index 1\n2147483648 host a\nnext 3 host\n", 2, "expected a number"},
        {"kmsmon-index 1\n-1 host a\n", 2, "expected a number"},
        {"kmsmon-index 1\n1 host\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1 host a b\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1  host a\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1 host a%2\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1 host a%0x\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1 host a%00\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n1 host a\tb\nnext 2 host\n", 2, "expected '<number>"},
        {"kmsmon-index 1\n\n1 host a\nnext 2 host\n", 2, "expected a number"},
        {"kmsmon-index 1\n1 host a\n2 host a\nnext 3 host\n", 3, "number in line 2"},
        {"kmsmon-index 1\n1 host a\n1 host b\nnext 3 host\n", 3, "given in line 2"},
        {"kmsmon-index 1\n1 host a\n2 host b\nnext 2 host\n", 4,
         "not above the number 2 in line 3"},
        {"kmsmon-index 1\n1 host a\nnext 2 host\nnext 3 host\n", 4, "a second 'next'"},
        {"kmsmon-index 1\n1 host a\n", 2, "a part of it is missing"},
        {"kmsmon-index 1\n1 host a\nnext 2 host", 3, "a part of it is missing"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        write_file(place->path, rows[i].text);
        struct kms_index *index = NULL;
        struct kms_fault fault = {0};
        assert_int_equal(kms_index_open(place->path, &index, &fault), KMS_ESYNTAX);
        assert_null(index);
        char start[128];
        kms_text_format(start, sizeof start, "%s:%zu: ", place->path, rows[i].line);
        if (!kms_text_starts(fault.text, start) || !strstr(fault.text, rows[i].why)) {
            fail_msg("'%s' does not say line %zu and '%s'", fault.text, rows[i].line, rows[i].why);
        }
        assert_int_equal(fault.offset, rows[i].line);
    }
}

/* Every prefix but the whole file and the two that hold no entry and no half line. */
static void no_truncated_file_is_taken_for_whole(void **state)
{
    const struct place *place = *state;
    const char *whole = "kmsmon-index 1\n1 host kms10\n1 key/1 a\n2 key/1 b\nnext 2 host\n"
                        "next 3 key/1\n";
    for (size_t len = 0; len < strlen(whole); len++) {
        assert_int_equal(kms_file_replace(place->path, whole, len, 0640, NULL), KMS_OK);
        struct kms_index *index = NULL;
        enum kms_status status = kms_index_open(place->path, &index, NULL);
        assert_int_equal(status, len == strlen("kmsmon-index 1\n") ? KMS_OK : KMS_ESYNTAX);
        kms_index_free(index);
    }
}

static void a_folder_in_the_place_of_the_file_is_an_error(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = NULL;
    struct kms_fault fault = {0};
    assert_int_not_equal(kms_index_open(place->folder, &index, &fault), KMS_OK);
    assert_non_null(strstr(fault.text, place->folder));
    assert_non_null(strstr(fault.text, "not a regular file"));
}

static void an_unwritable_place_is_an_error_and_the_next_save_tries_again(void **state)
{
    const struct place *place = *state;
    char folder[96];
    char path[128];
    kms_text_format(folder, sizeof folder, "%s/later", place->folder);
    kms_text_format(path, sizeof path, "%s/index", folder);
    struct kms_index *index = open_index(path);
    assert_int_equal(kms_index_get(index, "host", "a"), 1);
    struct kms_fault fault = {0};
    assert_int_not_equal(kms_index_save(index, &fault), KMS_OK);
    assert_non_null(strstr(fault.text, folder));
    assert_int_equal(kms_index_get(index, "host", "a"), 1);

    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);
    index = open_index(path);
    assert_int_equal(kms_index_get(index, "host", "a"), 1);
    kms_index_free(index);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_last_number_is_given_once_and_then_none(void **state)
{
    const struct place *place = *state;
    write_file(place->path, "kmsmon-index 1\nnext 2147483647 host\n");
    struct kms_index *index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "a"), 2147483647);
    assert_int_equal(kms_index_get(index, "host", "b"), 0);
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);
    index = open_index(place->path);
    assert_int_equal(kms_index_get(index, "host", "a"), 2147483647);
    assert_int_equal(kms_index_get(index, "host", "b"), 0);
    kms_index_free(index);
}

static void ten_thousand_hosts_with_a_key_each_come_back(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = open_index(place->path);
    char name[64];
    char space[32];
    for (uint32_t i = 1; i <= 10000; i++) {
        kms_text_format(name, sizeof name, "kms%u.corp.example.com", i);
        kms_text_format(space, sizeof space, "key/%u", i);
        assert_int_equal(kms_index_get(index, "host", name), i);
        assert_int_equal(kms_index_get(index, space, "windows"), 1);
    }
    assert_int_equal(kms_index_save(index, NULL), KMS_OK);
    kms_index_free(index);
    index = open_index(place->path);
    for (uint32_t i = 10000; i >= 1; i--) {
        kms_text_format(name, sizeof name, "kms%u.corp.example.com", i);
        kms_text_format(space, sizeof space, "key/%u", i);
        assert_int_equal(kms_index_get(index, "host", name), i);
        assert_int_equal(kms_index_get(index, space, "windows"), 1);
    }
    assert_int_equal(kms_index_get(index, "host", "another"), 10001);
    kms_index_free(index);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(numbers_start_at_one_and_each_space_counts_for_itself),
        IN_PLACE(a_name_that_is_only_looked_for_gets_no_number),
        IN_PLACE(names_that_are_alike_are_many_from_the_limit_on),
        IN_PLACE(numbers_are_the_same_after_reopening),
        IN_PLACE(a_name_that_nobody_asks_for_keeps_its_number),
        IN_PLACE(a_number_whose_line_was_removed_is_not_given_again),
        IN_PLACE(the_file_is_plain_text_with_escaped_names),
        IN_PLACE(without_news_nothing_is_written),
        IN_PLACE(a_damaged_file_is_refused_with_its_line),
        IN_PLACE(no_truncated_file_is_taken_for_whole),
        IN_PLACE(a_folder_in_the_place_of_the_file_is_an_error),
        IN_PLACE(an_unwritable_place_is_an_error_and_the_next_save_tries_again),
        IN_PLACE(the_last_number_is_given_once_and_then_none),
        IN_PLACE(ten_thousand_hosts_with_a_key_each_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
