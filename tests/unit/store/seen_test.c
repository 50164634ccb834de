/* What was seen in DNS comes back from its file, and what cannot be read is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "store/seen.h"

static char folder[64], path[96];

static int open_folder(void **state)
{
    (void)state;
    kms_text_copy(folder, sizeof folder, "/tmp/kmsmon-seen-XXXXXX");
    assert_non_null(mkdtemp(folder));
    kms_text_format(path, sizeof path, "%s/seen", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)rmdir(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static void write_file(const char *text, size_t len)
{
    assert_int_equal(kms_file_replace(path, text, len, 0640, NULL), KMS_OK);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const struct kms_seen_row rows[] = {
        {.kind = KMS_SEEN_RECORD,
         .domain = "corp.example",
         .name = "odd name%.corp.example",
         .port = 65535,
         .priority = 1,
         .weight = 2,
         .ttl = UINT32_MAX,
         .first_s = 1400000000,
         .last_s = 1500000000},
        {.kind = KMS_SEEN_HOST,
         .domain = "corp.example",
         .name = "kms1.corp.example:1700",
         .address = "kms1.corp.example",
         .port = 1700,
         .first_s = 0,
         .last_s = 7},
        {.kind = KMS_SEEN_MISSING,
         .domain = "corp.example",
         .name = "Monitor's first",
         .first_s = 5,
         .last_s = 5},
    };
    struct kms_buf text;
    assert_int_equal(kms_seen_begin(&text), KMS_OK);
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        assert_int_equal(kms_seen_add(&text, &rows[i]), KMS_OK);
    }
    assert_non_null(strstr(kms_buf_str(&text), "record corp.example odd%20name%25.corp.example "
                                               "65535 1 2 4294967295 1400000000 1500000000\n"));
    assert_non_null(strstr(kms_buf_str(&text), "missing corp.example Monitor's%20first 5\n"));
    write_file(kms_buf_str(&text), text.len);
    kms_buf_done(&text);
    struct kms_seen seen;
    assert_int_equal(kms_seen_load(path, &seen, NULL), KMS_OK);
    assert_int_equal(seen.left_out, 0);
    assert_int_equal(seen.count, KMS_COUNT_OF(rows));
    for (size_t i = 0; i < seen.count; i++) {
        const struct kms_seen_row *a = &seen.row[i], *b = &rows[i];
        assert_int_equal(a->kind, b->kind);
        assert_string_equal(a->domain, b->domain);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->address, b->address);
        assert_int_equal(a->port, b->port);
        assert_int_equal(a->priority, b->priority);
        assert_int_equal(a->weight, b->weight);
        assert_int_equal(a->ttl, b->ttl);
        assert_int_equal(a->first_s, b->first_s);
        assert_int_equal(a->last_s, b->last_s);
    }
    kms_seen_done(&seen);
}

static void no_file_is_an_empty_memory_and_a_folder_an_error(void **state)
{
    (void)state;
    struct kms_seen seen;
    struct kms_fault fault = {0};
    assert_int_equal(kms_seen_load(path, &seen, &fault), KMS_OK);
    assert_int_equal(seen.count + seen.left_out, 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(kms_seen_load(path, &seen, &fault), KMS_OK);
    assert_int_equal(seen.count, 0);
    assert_non_null(strstr(fault.text, path));
}

static void lines_that_cannot_be_read_are_left_out(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "nonsense",
                                        "record",
                                        "record a",
                                        "record a b 1 2 3 4 5",
                                        "record a b 1 2 3 4 6 5",
                                        "record a b 1 2 3 4 5 6 7",
                                        "record a b 65536 2 3 4 5 6",
                                        "record a b 1 2 3 4294967296 5 6",
                                        "record a b 1 2 3 -4 5 6",
                                        "record a b 1 2 3 4 5 99999999999999",
                                        "record a b%00 1 2 3 4 5 6",
                                        "record a b%2 1 2 3 4 5 6",
                                        "record a b%0Ac 1 2 3 4 5 6",
                                        "host a %1Bb c 1 5 6",
                                        "missing a b%7F 5",
                                        "record  b 1 2 3 4 5 6",
                                        "host a b 1 5 6",
                                        "host a b c 1 5",
                                        "missing a b",
                                        "missing a b 5 6"};
    struct kms_buf text;
    kms_buf_init(&text, 1 << 16);
    assert_int_equal(kms_buf_add_str(&text, "kmsmon-seen 1\n"), KMS_OK);
    for (size_t i = 0; i < KMS_COUNT_OF(lines); i++) {
        assert_int_equal(kms_buf_addf(&text, "%s\n", lines[i]), KMS_OK);
    }
    assert_int_equal(kms_buf_addf(&text, "missing a b 5\nrecord a %0300d 1 2 3 4 5 6\n", 7),
                     KMS_OK);
    write_file(kms_buf_str(&text), text.len);
    kms_buf_done(&text);
    struct kms_seen seen;
    assert_int_equal(kms_seen_load(path, &seen, NULL), KMS_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.left_out, KMS_COUNT_OF(lines) + 1);
    kms_seen_done(&seen);
}

static void another_file_is_not_read(void **state)
{
    (void)state;
    static const char *const files[] = {"kmsmon-seen 2\nmissing a b 5\n", "\n", "missing a b 5\n"};
    for (size_t i = 0; i < KMS_COUNT_OF(files); i++) {
        write_file(files[i], strlen(files[i]));
        struct kms_seen seen;
        assert_int_equal(kms_seen_load(path, &seen, NULL), KMS_OK);
        assert_int_equal(seen.count, 0);
        assert_int_equal(seen.left_out, 1);
        kms_seen_done(&seen);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(no_file_is_an_empty_memory_and_a_folder_an_error),
        TEST(lines_that_cannot_be_read_are_left_out),
        TEST(another_file_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
