/* The configuration of a machine: includes beside their file, sorted wildcards, files that are not
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/text.h"

#define ANYBODY 65534

struct folder {
    char path[64];
    struct kms_buf text;
    struct kms_conf_errors errors;
    struct kms_conf *conf;
};

static void put(const struct folder *f, const char *name, const char *contents)
{
    char path[256];
    kms_text_format(path, sizeof path, "%s/%s", f->path, name);
    assert_int_equal(kms_file_replace(path, contents, strlen(contents), 0600, NULL), KMS_OK);
}

static int set_up(void **state)
{
    static struct folder f;
    kms_text_copy(f.path, sizeof f.path, "/tmp/kms-conf-XXXXXX");
    assert_non_null(mkdtemp(f.path));
    char sub[128];
    kms_text_format(sub, sizeof sub, "%s/a[b]*", f.path);
    assert_int_equal(mkdir(sub, 0700), 0);
    kms_buf_init(&f.text, 65536);
    kms_conf_errors_init(&f.errors, &f.text);
    f.conf = NULL;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    kms_conf_free(f->conf);
    kms_buf_done(&f->text);
    static const char *const names[] = {
        "a[b]*/main.conf",   "a[b]*/1.inc", "a[b]*/2.inc", "a[b]*/10.inc", "a[b]*/.0.inc",
        "a[b]*/d1/*[1].inc", "a[b]*/d1/k",  "a[b]*/d1",    "a[b]*/d2/k",   "a[b]*/d2",
        "a[b]*/loop",        "a[b]*/x",     "a[b]*"};
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        char path[256];
        kms_text_format(path, sizeof path, "%s/%s", f->path, names[i]);
        if (unlink(path) != 0) {
            (void)rmdir(path);
        }
    }
    return rmdir(f->path);
}

static void load(struct folder *f)
{
    char path[256];
    kms_text_format(path, sizeof path, "%s/a[b]*/main.conf", f->path);
    f->conf = kms_conf_load(path, &f->errors);
    kms_conf_errors_end(&f->errors);
}

static void make_folder(const struct folder *f, const char *name, mode_t mode)
{
    char path[256];
    kms_text_format(path, sizeof path, "%s/%s", f->path, name);
    assert_int_equal(mkdir(path, mode), 0);
}

static void expect_values(const struct folder *f, const char *const *wanted, size_t count)
{
    assert_string_equal(kms_buf_str(&f->text), "");
    const struct kms_conf_node *node = kms_conf_root(f->conf)->child;
    for (size_t i = 0; i < count; i++) {
        assert_non_null(node);
        assert_string_equal(node->value[0], wanted[i]);
        node = node->next;
    }
    assert_null(node);
}

/* Root may read everything, so somebody else reads. */
static void load_as_anybody(struct folder *f)
{
    static const char *const names[] = {"", "a[b]*", "a[b]*/main.conf"};
    bool is_root = geteuid() == 0;
    for (size_t i = 0; i < KMS_COUNT_OF(names) && is_root; i++) {
        char path[256];
        kms_text_format(path, sizeof path, "%s/%s", f->path, names[i]);
        assert_int_equal(chown(path, ANYBODY, ANYBODY), 0);
    }
    assert_true(!is_root || seteuid(ANYBODY) == 0);
    load(f);
    assert_true(!is_root || seteuid(0) == 0);
}

static void wildcards_are_sorted_and_count_from_the_including_file(void **state)
{
    struct folder *f = *state;
    put(f, "a[b]*/main.conf", "include \"*.inc\"\ninclude x\ninclude \"none.d/*.conf\"\n");
    put(f, "a[b]*/1.inc", "n 1\n");
    put(f, "a[b]*/2.inc", "n 2\n");
    put(f, "a[b]*/10.inc", "n 10\n");
    put(f, "a[b]*/x", "n x\n");
    load(f);
    static const char *const wanted[] = {"1", "10", "2", "x"};
    expect_values(f, wanted, KMS_COUNT_OF(wanted));
}

static void wildcards_may_stand_for_folders_and_not_for_hidden_files(void **state)
{
    struct folder *f = *state;
    make_folder(f, "a[b]*/d1", 0700);
    make_folder(f, "a[b]*/d2", 0700);
    put(f, "a[b]*/main.conf",
        "include \"d?/k\"\ninclude \"./d[1]//\\\\**.inc\"\ninclude \"*.inc\"\ninclude "
        "\"x/*.inc\"\ninclude \"none/*/k\"\n");
    put(f, "a[b]*/.0.inc", "n hidden\n");
    put(f, "a[b]*/2.inc", "n 2\n");
    put(f, "a[b]*/d1/k", "n d1\n");
    put(f, "a[b]*/d2/k", "n d2\n");
    put(f, "a[b]*/d1/*[1].inc", "n star\n");
    put(f, "a[b]*/x", "n x\n");
    load(f);
    static const char *const wanted[] = {"d1", "d2", "star", "2"};
    expect_values(f, wanted, KMS_COUNT_OF(wanted));
}

static void a_folder_that_may_not_be_read_is_not_an_empty_one(void **state)
{
    struct folder *f = *state;
    make_folder(f, "a[b]*/d1", 0);
    put(f, "a[b]*/main.conf", "\ninclude \"d1/*.conf\"\ninclude \"*/k\"\n");
    load_as_anybody(f);
    assert_int_equal(f->errors.count, 2);
    const char *text = kms_buf_str(&f->text);
    assert_non_null(strstr(text, "main.conf:2: include: folder '"));
    assert_non_null(strstr(text, "/d1/' cannot be read (Permission denied); allowed: what the "));
    assert_non_null(strstr(text, "main.conf:3: include: file '"));
    assert_non_null(strstr(text, "/d1/k' cannot be read (Permission denied); allowed: what the "));
}

static void a_folder_that_fails_in_another_way_is_named_with_the_reason(void **state)
{
    struct folder *f = *state;
    char path[256];
    kms_text_format(path, sizeof path, "%s/a[b]*/loop", f->path);
    assert_int_equal(symlink("loop", path), 0);
    put(f, "a[b]*/main.conf", "include \"loop/*.conf\"\n");
    load(f);
    assert_int_equal(f->errors.count, 1);
    assert_non_null(strstr(kms_buf_str(&f->text), "main.conf:1: include: folder '"));
    assert_non_null(strstr(kms_buf_str(&f->text),
                           "/loop/' cannot be read (Too many levels of symbolic links); "));
}

static void a_file_that_includes_itself_by_another_name_is_found_out(void **state)
{
    struct folder *f = *state;
    put(f, "a[b]*/main.conf", "include \"./x\"\n");
    put(f, "a[b]*/x", "include \"./././x\"\n");
    load(f);
    assert_int_equal(f->errors.count, 1);
    assert_non_null(strstr(kms_buf_str(&f->text), "is being read already"));
}

static void the_first_file_is_known_by_another_name_too(void **state)
{
    struct folder *f = *state;
    put(f, "a[b]*/main.conf", "n 1\ninclude \"././main.conf\"\n");
    load(f);
    assert_int_equal(f->errors.count, 1);
    assert_non_null(strstr(kms_buf_str(&f->text), "main.conf:2: include: '"));
    assert_non_null(strstr(kms_buf_str(&f->text), "is being read already"));
    assert_null(kms_conf_root(f->conf)->child->next);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct folder *f = *state;
    load(f);
    assert_null(f->conf);
    assert_non_null(strstr(kms_buf_str(&f->text), "a[b]*/main.conf: no such file\n"));
}

static void an_include_that_is_not_there_is_named(void **state)
{
    struct folder *f = *state;
    put(f, "a[b]*/main.conf", "\ninclude \"nowhere.conf\"\ninclude \".\"\n");
    load(f);
    assert_non_null(strstr(kms_buf_str(&f->text), "main.conf:2: include: '"));
    assert_non_null(strstr(kms_buf_str(&f->text), "nowhere.conf': no such file\n"));
    assert_non_null(strstr(kms_buf_str(&f->text), "main.conf:3: include: '"));
    assert_non_null(strstr(kms_buf_str(&f->text), "not a regular file\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wildcards_are_sorted_and_count_from_the_including_file,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(wildcards_may_stand_for_folders_and_not_for_hidden_files,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_may_not_be_read_is_not_an_empty_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_fails_in_another_way_is_named_with_the_reason,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_includes_itself_by_another_name_is_found_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_file_is_known_by_another_name_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_include_that_is_not_there_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
