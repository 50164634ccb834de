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

static struct kms_index *new_index(void)
{
    struct kms_index *index = kms_index_new();
    assert_non_null(index);
    return index;
}

/* What a store would keep: the newest word of each name. */
struct memory {
    struct kms_buf name[64], bytes[64];
    size_t count;
};

static enum kms_status keep(void *arg, const char *name, const char *bytes, size_t len)
{
    struct memory *memory = arg;
    size_t at = 0;
    while (at < memory->count && !kms_text_equal(kms_buf_str(&memory->name[at]), name)) {
        at++;
    }
    assert_true(at < KMS_COUNT_OF(memory->name));
    if (at == memory->count) {
        kms_buf_init(&memory->name[at], 1 << 16);
        kms_buf_init(&memory->bytes[at], 1 << 16);
        assert_int_equal(kms_buf_add_str(&memory->name[at], name), KMS_OK);
        memory->count++;
    }
    kms_buf_clear(&memory->bytes[at]);
    return kms_buf_add(&memory->bytes[at], bytes, len);
}

/* Ends the index and begins another one with what was kept of it. */
static struct kms_index *reopen(struct kms_index *index, struct memory *memory)
{
    size_t lost = 1;
    assert_int_equal(kms_index_tell(index, keep, memory), KMS_OK);
    kms_index_free(index);
    index = new_index();
    for (size_t i = 0; i < memory->count; i++) {
        assert_true(kms_index_load(index, kms_buf_str(&memory->name[i]),
                                   kms_buf_str(&memory->bytes[i]), memory->bytes[i].len));
    }
    assert_int_equal(kms_index_settle(index, &lost), KMS_OK);
    assert_int_equal(lost, 0);
    return index;
}

static void forget(struct memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        kms_buf_done(&memory->name[i]);
        kms_buf_done(&memory->bytes[i]);
    }
    memory->count = 0;
}

static enum kms_status refuse(void *arg, const char *name, const char *bytes, size_t len)
{
    (void)name;
    (void)bytes;
    (void)len;
    (*(int *)arg)++;
    return KMS_ENOMEM;
}

static bool load(struct kms_index *index, const char *name, const char *number)
{
    return kms_index_load(index, name, number, strlen(number));
}

static void write_file(const char *path, const char *text)
{
    assert_int_equal(kms_file_replace(path, text, strlen(text), 0640, NULL), KMS_OK);
}

/* Of a file that is fine. */
static struct kms_index *take_over(const char *path)
{
    struct kms_index *index = new_index();
    struct kms_fault fault = {0};
    size_t count = 0;
    size_t lost = 0;
    if (kms_index_take_over(index, path, &count, &lost, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(lost, 0);
    return index;
}

static void numbers_start_at_one_and_each_space_counts_for_itself(void **state)
{
    (void)state;
    struct kms_index *index = new_index();
    assert_int_equal(kms_index_get(index, "host", "kms1"), 1);
    assert_int_equal(kms_index_get(index, "host", "kms2"), 2);
    assert_int_equal(kms_index_get(index, "key/1", "kms1"), 1);
    assert_int_equal(kms_index_get(index, "host", "kms1"), 1);
    kms_index_free(index);
}

static void a_name_that_is_only_looked_for_gets_no_number(void **state)
{
    (void)state;
    struct kms_index *index = new_index();
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
    struct kms_index *index = new_index();
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

static void a_number_whose_line_was_removed_is_not_given_again(void **state)
{
    const struct place *place = *state;
    write_file(place->path, "kmsmon-index 1\n1 host a\nnext 8 host\n");
    struct kms_index *index = take_over(place->path);
    assert_int_equal(kms_index_get(index, "host", "b"), 8);
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
        struct kms_index *index = new_index();
        struct kms_fault fault = {0};
        size_t count = 0;
        size_t lost = 0;
        assert_int_equal(kms_index_take_over(index, place->path, &count, &lost, &fault),
                         KMS_ESYNTAX);
        assert_int_equal(kms_index_get(index, "host", "z"), 1); /* nothing of it was taken */
        kms_index_free(index);
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
        struct kms_index *index = new_index();
        size_t count = 0;
        size_t lost = 0;
        enum kms_status status = kms_index_take_over(index, place->path, &count, &lost, NULL);
        assert_int_equal(status, len == strlen("kmsmon-index 1\n") ? KMS_OK : KMS_ESYNTAX);
        kms_index_free(index);
    }
}

static void a_folder_in_the_place_of_the_file_is_an_error(void **state)
{
    const struct place *place = *state;
    struct kms_index *index = new_index();
    struct kms_fault fault = {0};
    size_t count = 0;
    size_t lost = 0;
    assert_int_equal(kms_index_take_over(index, place->folder, &count, &lost, &fault), KMS_EINVAL);
    assert_non_null(strstr(fault.text, place->folder));
    assert_non_null(strstr(fault.text, "not a regular file"));
    char none[128];
    kms_text_format(none, sizeof none, "%s/none", place->folder);
    assert_int_equal(kms_index_take_over(index, none, &count, &lost, &fault), KMS_ENOTFOUND);
    kms_index_free(index);
}

/* ---- kept elsewhere ---- */

static void numbers_are_the_same_when_they_come_back(void **state)
{
    (void)state;
    struct memory memory = {.count = 0};
    struct kms_index *index = new_index();
    assert_int_equal(kms_index_get(index, "host", "b"), 1);
    assert_int_equal(kms_index_get(index, "host", "a b\n100%\x7F"), 2);
    index = reopen(index, &memory);
    assert_int_equal(kms_index_get(index, "host", "c"), 3);
    index = reopen(index, &memory);
    index = reopen(index, &memory); /* a name that nobody asks for keeps its number */
    assert_int_equal(kms_index_get(index, "host", "d"), 4);
    assert_int_equal(kms_index_get(index, "host", "a b\n100%\x7F"), 2);
    assert_int_equal(kms_index_get(index, "host", "c"), 3);
    assert_int_equal(kms_index_get(index, "host", "b"), 1);
    kms_index_free(index);
    forget(&memory);
}

static void only_news_is_told_and_what_was_refused_is_told_again(void **state)
{
    (void)state;
    struct memory memory = {.count = 0};
    struct kms_index *index = new_index();
    (void)kms_index_get(index, "host", "a b");
    int refused = 0;
    assert_int_equal(kms_index_tell(index, refuse, &refused), KMS_ENOMEM);
    assert_int_equal(refused, 1);
    assert_int_equal(kms_index_tell(index, keep, &memory), KMS_OK);
    assert_int_equal(memory.count, 2);
    assert_string_equal(kms_buf_str(&memory.name[0]), "host");
    assert_string_equal(kms_buf_str(&memory.bytes[0]), "2");
    assert_string_equal(kms_buf_str(&memory.name[1]), "host a%20b");
    assert_string_equal(kms_buf_str(&memory.bytes[1]), "1");
    (void)kms_index_get(index, "host", "a b");
    assert_int_equal(kms_index_tell(index, refuse, &refused), KMS_OK);
    assert_int_equal(refused, 1);
    index = reopen(index, &memory);
    assert_int_equal(kms_index_tell(index, refuse, &refused), KMS_OK);
    assert_int_equal(refused, 1); /* what came back is no news */
    kms_index_untell(index);
    forget(&memory);
    assert_int_equal(kms_index_tell(index, keep, &memory), KMS_OK);
    assert_int_equal(memory.count, 2);
    forget(&memory);
    kms_index_free(index);
}

static void what_contradicts_is_left_out_and_no_number_is_given_twice(void **state)
{
    (void)state;
    struct kms_index *index = new_index();
    size_t lost = 0;
    assert_true(load(index, "host a", "1"));
    assert_true(load(index, "host b", "7"));
    assert_true(load(index, "host c", "1")); /* as a had it first */
    assert_false(load(index, "host a", "3"));
    assert_true(load(index, "host a", "1"));
    assert_true(load(index, "host", "3")); /* the next one, but 7 was given */
    assert_false(load(index, "host d", "0"));
    assert_false(load(index, "host d", "x"));
    assert_false(load(index, "host d", "2147483648"));
    assert_false(load(index, "host d e", "2"));
    assert_false(load(index, "host d%0", "2"));
    assert_false(load(index, "", "2"));
    assert_int_equal(kms_index_settle(index, &lost), KMS_OK);
    assert_int_equal(lost, 1);
    assert_int_equal(kms_index_get(index, "host", "a"), 1);
    assert_int_equal(kms_index_get(index, "host", "b"), 7);
    assert_int_equal(kms_index_find(index, "host", "c"), 0);
    assert_int_equal(kms_index_get(index, "host", "c"), 8);
    assert_int_equal(kms_index_get(index, "host", "c"), 8);
    assert_int_equal(kms_index_get(index, "host", "d"), 9);
    kms_index_free(index);
}

static void a_file_beside_numbers_that_are_known_adds_what_fits(void **state)
{
    const struct place *place = *state;
    write_file(place->path, "kmsmon-index 1\n1 host a\n2 host b\n3 host c\nnext 9 host\n");
    struct kms_index *index = new_index();
    size_t count = 0;
    size_t lost = 0;
    assert_true(load(index, "host a", "1"));
    assert_true(load(index, "host b", "5"));
    assert_true(load(index, "host", "6"));
    assert_int_equal(kms_index_settle(index, &lost), KMS_OK);
    assert_int_equal(kms_index_take_over(index, place->path, &count, &lost, NULL), KMS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(lost, 1);
    assert_int_equal(kms_index_get(index, "host", "b"), 5);
    assert_int_equal(kms_index_get(index, "host", "c"), 3);
    assert_int_equal(kms_index_get(index, "host", "d"), 9);
    kms_index_free(index);
}

static void the_last_number_is_given_once_and_then_none(void **state)
{
    const struct place *place = *state;
    struct memory memory = {.count = 0};
    write_file(place->path, "kmsmon-index 1\nnext 2147483647 host\n");
    struct kms_index *index = take_over(place->path);
    assert_int_equal(kms_index_get(index, "host", "a"), 2147483647);
    assert_int_equal(kms_index_get(index, "host", "b"), 0);
    index = reopen(index, &memory);
    assert_int_equal(kms_index_get(index, "host", "a"), 2147483647);
    assert_int_equal(kms_index_get(index, "host", "b"), 0);
    kms_index_free(index);
    forget(&memory);
}

static enum kms_status load_told(void *arg, const char *name, const char *bytes, size_t len)
{
    return kms_index_load(arg, name, bytes, len) ? KMS_OK : KMS_EINVAL;
}

static void ten_thousand_hosts_with_a_key_each_come_back(void **state)
{
    (void)state;
    struct kms_index *first = new_index();
    struct kms_index *index = new_index();
    char name[64];
    char space[32];
    size_t lost = 1;
    for (uint32_t i = 1; i <= 10000; i++) {
        kms_text_format(name, sizeof name, "kms%u.corp.example.com", i);
        kms_text_format(space, sizeof space, "key/%u", i);
        assert_int_equal(kms_index_get(first, "host", name), i);
        assert_int_equal(kms_index_get(first, space, "windows"), 1);
    }
    assert_int_equal(kms_index_tell(first, load_told, index), KMS_OK);
    assert_int_equal(kms_index_settle(index, &lost), KMS_OK);
    assert_int_equal(lost, 0);
    for (uint32_t i = 10000; i >= 1; i--) {
        kms_text_format(name, sizeof name, "kms%u.corp.example.com", i);
        kms_text_format(space, sizeof space, "key/%u", i);
        assert_int_equal(kms_index_get(index, "host", name), i);
        assert_int_equal(kms_index_get(index, space, "windows"), 1);
    }
    assert_int_equal(kms_index_get(index, "host", "another"), 10001);
    kms_index_free(first);
    kms_index_free(index);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(numbers_start_at_one_and_each_space_counts_for_itself),
        IN_PLACE(a_name_that_is_only_looked_for_gets_no_number),
        IN_PLACE(names_that_are_alike_are_many_from_the_limit_on),
        IN_PLACE(a_number_whose_line_was_removed_is_not_given_again),
        IN_PLACE(a_damaged_file_is_refused_with_its_line),
        IN_PLACE(no_truncated_file_is_taken_for_whole),
        IN_PLACE(a_folder_in_the_place_of_the_file_is_an_error),
        IN_PLACE(numbers_are_the_same_when_they_come_back),
        IN_PLACE(only_news_is_told_and_what_was_refused_is_told_again),
        IN_PLACE(what_contradicts_is_left_out_and_no_number_is_given_twice),
        IN_PLACE(a_file_beside_numbers_that_are_known_adds_what_fits),
        IN_PLACE(the_last_number_is_given_once_and_then_none),
        IN_PLACE(ten_thousand_hosts_with_a_key_each_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
