/* The state file: what was written comes back, what cannot be believed starts again and says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks/state.h"

#include "base/file.h"
#include "base/text.h"
#include "model/judge.h"

static const struct kms_now now = {.steady_s = 5000, .wall_s = 100000};

#define KEEP_S 86400

struct fixture {
    char dir[64];
    char other[96];
};

static int make_dir(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    kms_text_copy(fixture->dir, sizeof(fixture->dir), "/tmp/kms-state-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    kms_text_format(fixture->other, sizeof(fixture->other), "%s/other", fixture->dir);
    *state = fixture;
    return 0;
}

static struct kms_windows *open_windows(const struct fixture *fixture)
{
    struct kms_windows *windows = kms_windows_open(fixture->dir, "kms01", "/in/kms01.txt",
                                                   (unsigned)geteuid(), &now);

    assert_non_null(windows);
    return windows;
}

static int remove_dir(void **state)
{
    struct fixture *fixture = *state;
    struct kms_windows *windows = open_windows(fixture);

    (void)unlink(kms_windows_path(windows));
    (void)unlink(fixture->other);
    kms_windows_free(windows);
    assert_int_equal(rmdir(fixture->dir), 0); /* nothing else was left behind */
    free(fixture);
    return 0;
}

/* A report with one key at a time. */
static void make_result(struct kms_result *result, int64_t at_s, uint64_t fingerprint,
                        int64_t total, int64_t failed)
{
    struct kms_facts *key;

    kms_result_init(result, KMS_SOURCE_REPORT);
    result->data_s = at_s;
    result->fingerprint = fingerprint;
    key = kms_result_add_key(result);
    assert_non_null(key);
    assert_int_equal(kms_facts_set_text(key, KMS_FACT_EPID, "55041-00168-313"), KMS_OK);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, total), KMS_OK);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, failed), KMS_OK);
}

static void add(struct kms_windows *windows, int64_t at_s, uint64_t fingerprint, int64_t total,
                int64_t failed)
{
    struct kms_result result;

    make_result(&result, at_s, fingerprint, total, failed);
    assert_true(kms_windows_add(windows, &result, &now, KEEP_S));
    kms_result_done(&result);
}

static const struct kms_window *find_window(struct kms_windows *windows)
{
    struct kms_result result;
    char identity[KMS_KEY_IDENTITY_SIZE];

    make_result(&result, 1, 1, 1, 1);
    kms_key_identity(&result.key[0], identity, sizeof(identity));
    kms_result_done(&result);
    return kms_windows_find(windows, identity);
}

/* Writes a good file with one sample. */
static void keep_one(const struct fixture *fixture)
{
    struct kms_windows *windows = open_windows(fixture);

    add(windows, 1000, 7, 20, 0);
    assert_true(kms_windows_save(windows, &now));
    kms_windows_free(windows);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(kms_file_replace(path, text, strlen(text), 0600, NULL), KMS_OK);
}

static void what_was_saved_comes_back(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows;
    const struct kms_window *window;
    struct stat st;

    keep_one(fixture);
    windows = open_windows(fixture);
    assert_string_equal(kms_windows_note(windows), "");
    add(windows, 2000, 8, 24, 1);
    assert_true(kms_windows_save(windows, &now));
    kms_windows_free(windows);

    windows = open_windows(fixture);
    window = find_window(windows);
    assert_non_null(window);
    assert_int_equal(window->count, 2);
    assert_int_equal(window->sample[1].at_s - window->sample[0].at_s, 1000);
    assert_int_equal(window->fingerprint, 8);
    assert_int_equal(window->sample[1].total, 24);
    assert_int_equal(window->sample[1].failed, 1);
    assert_int_equal(window->discontinuity_s, 0);
    assert_int_equal(stat(kms_windows_path(windows), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    kms_windows_free(windows);
}

/* As releases before wrote it: by the wall clock alone. */
static void an_older_file_is_read(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows = open_windows(fixture);
    const struct kms_window *window;
    struct kms_window_view view;
    struct kms_result result;
    char path[1024], identity[KMS_KEY_IDENTITY_SIZE], text[512], owner[32];
    struct kms_buf good;

    kms_text_copy(path, sizeof(path), kms_windows_path(windows));
    kms_windows_free(windows);
    make_result(&result, 1, 1, 1, 1);
    kms_key_identity(&result.key[0], identity, sizeof(identity));
    kms_result_done(&result);
    keep_one(fixture);
    kms_buf_init(&good, 65536);
    assert_int_equal(kms_file_read(path, &good, NULL, NULL), KMS_OK);
    const char *at = strstr(kms_buf_str(&good), "owner ");
    assert_non_null(at);
    kms_text_format(owner, sizeof(owner), "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
    kms_buf_done(&good);
    kms_text_format(text, sizeof(text),
                    "kmsmon-windows 1\nowner %s\nkey 77 %s\nsample 90000 1 100 10\n"
                    "sample 93600 2 160 13\nend\n",
                    owner, identity);
    write_text(path, text);
    windows = open_windows(fixture);
    assert_string_equal(kms_windows_note(windows), "");
    window = find_window(windows);
    assert_non_null(window);
    assert_int_equal(window->discontinuity_s, 77);
    add(windows, 97200, 3, 260, 13);
    view = kms_window_look(window, 3600);
    assert_int_equal(view.total, 100);
    view = kms_window_look(window, 86400);
    assert_int_equal(view.total, 160);
    assert_int_equal(view.failed, 3);
    assert_true(kms_windows_save(windows, &now));
    kms_windows_free(windows);
    windows = open_windows(fixture);
    assert_int_equal(find_window(windows)->count, 3);
    kms_windows_free(windows);
}

static void an_unchanged_report_writes_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows;
    struct stat before, after;

    keep_one(fixture);
    windows = open_windows(fixture);
    assert_int_equal(stat(kms_windows_path(windows), &before), 0);
    add(windows, 1000, 7, 20, 0);
    assert_true(kms_windows_save(windows, &now));
    assert_int_equal(stat(kms_windows_path(windows), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_int_equal(find_window(windows)->count, 1);
    kms_windows_free(windows);
}

static void a_counter_reset_survives_the_file(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows;

    keep_one(fixture);
    windows = open_windows(fixture);
    add(windows, 3000, 9, 2, 0);
    assert_true(kms_windows_save(windows, &now));
    kms_windows_free(windows);
    windows = open_windows(fixture);
    assert_int_equal(find_window(windows)->count, 1);
    assert_int_equal(find_window(windows)->discontinuity_s, 3000);
    kms_windows_free(windows);
}

static void a_damaged_file_starts_again_and_says_so(void **state)
{
    static const char *const texts[] = {
        "",
        "rubbish\n",
        "kmsmon-windows 3\n",
        "kmsmon-windows 2\n",
        "kmsmon-windows 2\nowner OWNER\nkey a\nend\n",
        "kmsmon-windows 2\nowner OWNER\nkey a\nwindow 1\nwritten 1 1 -\nkey 1 0\nend\n",
        "kmsmon-windows 2\nowner OWNER\nkey\nwindow 1\nwritten 1 1 -\nkey 1 0\nend\nend\n",
        "kmsmon-windows 1\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 1 2 3 4\nsample 2 3 2 4\nend\n",
        "kmsmon-windows 1\nowner 1\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 1 2 3 4\n",
        "kmsmon-windows 1\nowner OWNER\nsample 1 2 3 4\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 1 2 3\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 1 2 3 4 5\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 1 2 99999999999 4\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample 2 2 3 4\nsample 1 2 3 4\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey 0 a\nsample -1 2 3 4\nend\n",
        "kmsmon-windows 1\nowner OWNER\nkey\nend\n",
        "kmsmon-windows 1\nowner OWNER\nend\nkey 0 a\n",
        "kmsmon-windows 1\nkey 0 a\nend\n",
    };
    const struct fixture *fixture = *state;
    struct kms_windows *windows = open_windows(fixture);
    char path[1024];

    kms_text_copy(path, sizeof(path), kms_windows_path(windows));
    kms_windows_free(windows);
    for (size_t i = 0; i < KMS_COUNT_OF(texts); i++) {
        char text[256];
        const char *mark = strstr(texts[i], "OWNER");
        /* The right owner is taken from a file the module wrote itself. */
        if (mark != NULL) {
            struct kms_buf good;
            char owner[32];
            (void)unlink(path);
            keep_one(fixture);
            kms_buf_init(&good, 65536);
            assert_int_equal(kms_file_read(path, &good, NULL, NULL), KMS_OK);
            const char *at = strstr(kms_buf_str(&good), "owner ");
            assert_non_null(at);
            kms_text_format(owner, sizeof(owner), "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
            kms_buf_done(&good);
            kms_text_format(text, sizeof(text), "%.*s%s%s", (int)(mark - texts[i]), texts[i], owner,
                            mark + 5);
        } else {
            kms_text_copy(text, sizeof(text), texts[i]);
        }
        write_text(path, text);
        windows = open_windows(fixture);
        if (strstr(kms_windows_note(windows), "starts again") == NULL) {
            fail_msg("text %zu: '%s'", i, kms_windows_note(windows));
        }
        assert_null(kms_windows_find(windows, "a"));
        add(windows, 5000, 3, 30, 0);
        assert_true(kms_windows_save(windows, &now));
        kms_windows_free(windows);
        windows = open_windows(fixture);
        assert_string_equal(kms_windows_note(windows), "");
        assert_int_equal(find_window(windows)->count, 1);
        kms_windows_free(windows);
    }
}

static void a_symbolic_link_is_neither_read_nor_written_through(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows = open_windows(fixture);
    struct kms_buf text;
    struct stat st;

    write_text(fixture->other, "precious\n");
    assert_int_equal(symlink(fixture->other, kms_windows_path(windows)), 0);
    kms_windows_free(windows);
    windows = open_windows(fixture);
    assert_non_null(strstr(kms_windows_note(windows), "symbolic link"));
    add(windows, 1000, 7, 20, 0);
    assert_true(kms_windows_save(windows, &now));
    assert_int_equal(lstat(kms_windows_path(windows), &st), 0);
    assert_true(S_ISREG(st.st_mode));
    kms_buf_init(&text, 1024);
    assert_int_equal(kms_file_read(fixture->other, &text, NULL, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&text), "precious\n");
    kms_buf_done(&text);
    kms_windows_free(windows);
}

static void a_fifo_in_its_place_does_not_hold_the_plugin(void **state)
{
    const struct fixture *fixture = *state;
    struct kms_windows *windows = open_windows(fixture);

    assert_int_equal(mkfifo(kms_windows_path(windows), 0600), 0);
    kms_windows_free(windows);
    windows = open_windows(fixture);
    assert_non_null(strstr(kms_windows_note(windows), "not a file"));
    add(windows, 1000, 7, 20, 0);
    assert_true(kms_windows_save(windows, &now));
    kms_windows_free(windows);
}

static void a_folder_that_does_not_exist_keeps_no_window_and_says_why(void **state)
{
    struct kms_windows *windows = kms_windows_open("/nonexistent/folder", "kms01", "/in/kms01.txt",
                                                   0, &now);

    (void)state;
    assert_non_null(windows);
    add(windows, 1000, 7, 20, 0);
    assert_false(kms_windows_save(windows, &now));
    assert_non_null(strstr(kms_windows_note(windows), "no window is kept"));
    assert_non_null(find_window(windows)); /* in memory it is there */
    kms_windows_free(windows);
}

static void host_report_and_user_have_files_of_their_own(void **state)
{
    static const struct {
        const char *host, *report;
        unsigned user;
    } trios[] = {
        {"a", "b", 1},
        {"a", "c", 1},
        {"c", "b", 1},
        {"a", "b", 2},
        {"ab", "", 1},
        {"", "ab", 1},
        {"../../etc/passwd", "b", 1},
    };
    char path[KMS_COUNT_OF(trios)][256];

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(trios); i++) {
        struct kms_windows *windows = kms_windows_open("/nonexistent", trios[i].host,
                                                       trios[i].report, trios[i].user, &now);
        assert_non_null(windows);
        kms_text_copy(path[i], sizeof(path[i]), kms_windows_path(windows));
        assert_null(strchr(path[i] + strlen("/nonexistent/"), '/'));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(path[i], path[j]);
        }
        kms_windows_free(windows);
    }
}

static void the_folder_and_the_one_above_are_created_and_no_more(void **state)
{
    const struct fixture *fixture = *state;
    char above[96], dir[128], deep[160];
    struct stat st;

    kms_text_format(above, sizeof(above), "%s/kmsmon", fixture->dir);
    kms_text_format(dir, sizeof(dir), "%s/plugins", above);
    kms_text_format(deep, sizeof(deep), "%s/a/b/c", fixture->dir);
    assert_true(kms_windows_make_dir(dir));
    assert_int_equal(stat(dir, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0027, 0);
    assert_true(kms_windows_make_dir(dir)); /* it is there */
    assert_int_equal(rmdir(dir), 0);
    assert_true(kms_windows_make_dir(dir)); /* the one above is there */
    assert_false(kms_windows_make_dir(deep));
    assert_false(kms_windows_make_dir(""));
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(rmdir(above), 0);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(what_was_saved_comes_back),
        WITH_DIR(an_older_file_is_read),
        WITH_DIR(an_unchanged_report_writes_nothing),
        WITH_DIR(a_counter_reset_survives_the_file),
        WITH_DIR(a_damaged_file_starts_again_and_says_so),
        WITH_DIR(a_symbolic_link_is_neither_read_nor_written_through),
        WITH_DIR(a_fifo_in_its_place_does_not_hold_the_plugin),
        WITH_DIR(the_folder_and_the_one_above_are_created_and_no_more),
        cmocka_unit_test(a_folder_that_does_not_exist_keeps_no_window_and_says_why),
        cmocka_unit_test(host_report_and_user_have_files_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
