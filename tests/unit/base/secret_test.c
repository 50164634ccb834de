/* Secrets in files: who may read them, names of systemd credentials, and a process that leaves
 * nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"
#include "base/text.h"
#include "base/undumpable.h"

static char folder[64];

static const char *path_of(const char *name, char path[200])
{
    assert_true(kms_text_format(path, 200, "%s/%s", folder, name));
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[200];
    (void)unlink(path_of(name, path)); /* it may be one that cannot be written to */
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_folder(void **state)
{
    (void)state;
    (void)kms_text_copy(folder, sizeof folder, "/tmp/kmsmon-secret.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[200];
    (void)unlink(path_of("secret", path));
    return rmdir(folder);
}

static void a_file_of_the_owner_is_read(void **state)
{
    (void)state;
    char path[200];
    char secret[KMS_SECRET_SIZE];
    static const mode_t modes[] = {0600, 0400, 0700};
    for (size_t i = 0; i < KMS_COUNT_OF(modes); i++) {
        write_file("secret", "open sesame\r\nsecond line\n", 0600);
        assert_int_equal(chmod(path_of("secret", path), modes[i]), 0);
        assert_int_equal(kms_secret_read(path, 8, secret, NULL), KMS_OK);
        assert_string_equal(secret, "open sesame");
    }
    kms_secret_forget(secret);
    for (size_t i = 0; i < sizeof secret; i++) {
        assert_int_equal(secret[i], 0);
    }
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    char path[200];
    char found[KMS_SECRET_PATH_SIZE];
    char secret[KMS_SECRET_SIZE];
    struct kms_fault fault;
    static const mode_t modes[] = {0640, 0604, 0620, 0610, 0601};
    for (size_t i = 0; i < KMS_COUNT_OF(modes); i++) {
        write_file("secret", "open sesame\n", modes[i]);
        assert_int_equal(kms_secret_read(path_of("secret", path), 1, secret, &fault), KMS_EINVAL);
        assert_string_equal(fault.text, "is readable by others; chmod 600");
        assert_int_equal(kms_secret_path(path, found, &fault), KMS_EINVAL);
    }
}

static void a_name_without_a_slash_is_a_systemd_credential(void **state)
{
    (void)state;
    char path[200];
    char found[KMS_SECRET_PATH_SIZE];
    char secret[KMS_SECRET_SIZE];
    struct kms_fault fault;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    write_file("secret", "open sesame\n", 0440);
    assert_int_equal(kms_secret_read("secret", 1, secret, &fault), KMS_ENOTFOUND);
    assert_non_null(strstr(fault.text, "LoadCredential="));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(kms_secret_read("secret", 1, secret, &fault), KMS_OK);
    assert_string_equal(secret, "open sesame");
    assert_int_equal(kms_secret_path("secret", found, &fault), KMS_OK);
    assert_string_equal(found, path_of("secret", path));
    /* but not the same file by its path */
    assert_int_equal(kms_secret_read(path, 1, secret, &fault), KMS_EINVAL);
    assert_int_equal(kms_secret_read("absent", 1, secret, &fault), KMS_EIO);
    write_file("secret", "open sesame\n", 0444);
    assert_int_equal(kms_secret_read("secret", 1, secret, &fault), KMS_EINVAL);
    write_file("secret", "open sesame\n", 0460);
    assert_int_equal(kms_secret_read("secret", 1, secret, &fault), KMS_EINVAL);
    static const char *const none[] = {"", ".", ".."};
    for (size_t i = 0; i < KMS_COUNT_OF(none); i++) {
        assert_int_equal(kms_secret_path(none[i], found, &fault), KMS_EINVAL);
    }
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    char found[KMS_SECRET_PATH_SIZE];
    struct kms_fault fault;
    assert_int_equal(kms_secret_path(folder, found, &fault), KMS_EINVAL);
    assert_int_equal(kms_secret_path("/dev/null", found, &fault), KMS_EINVAL);
    assert_int_equal(kms_secret_path("/nowhere/at/all", found, &fault), KMS_EIO);
    char longest[KMS_SECRET_PATH_SIZE + 1];
    memset(longest, '/', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(kms_secret_path(longest, found, &fault), KMS_ETOOBIG);
}

static void an_undumpable_process_leaves_no_core(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(kms_undumpable(NULL), KMS_OK);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    assert_int_equal(limit.rlim_max, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_owner_is_read),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(a_name_without_a_slash_is_a_systemd_credential),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(an_undumpable_process_leaves_no_core),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
