/* The state folder: made when it is missing, refused when it cannot be used, one user at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state_dir.h"
#include "base/file.h"
#include "base/text.h"

struct place {
    char folder[64];
    char state[96];
    char lock[128];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    kms_text_copy(place->folder, sizeof place->folder, "/tmp/kms-state-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    kms_text_format(place->state, sizeof place->state, "%s/state", place->folder);
    kms_text_format(place->lock, sizeof place->lock, "%s/lock", place->state);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    (void)unlink(place->lock);
    (void)rmdir(place->state);
    (void)unlink(place->state);
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

static void a_missing_folder_is_made_and_can_be_used_again(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 2; i++) {
        int lock = -1;
        assert_int_equal(kms_state_dir_open(place->state, &lock, NULL), KMS_OK);
        struct stat st;
        assert_int_equal(stat(place->state, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
        assert_int_equal(close(lock), 0);
    }
}

static void a_folder_in_use_is_refused(void **state)
{
    struct place *place = *state;
    int lock = -1;
    int second = -1;
    struct kms_fault fault = {0};
    assert_int_equal(kms_state_dir_open(place->state, &lock, NULL), KMS_OK);
    assert_int_equal(kms_state_dir_open(place->state, &second, &fault), KMS_EBUSY);
    assert_non_null(strstr(fault.text, "in use by another kmsmond"));
    assert_int_equal(second, -1);
    assert_int_equal(close(lock), 0);
}

static void a_file_or_a_missing_parent_is_refused_with_advice(void **state)
{
    struct place *place = *state;
    int lock = -1;
    struct kms_fault fault = {0};
    assert_int_equal(kms_file_replace(place->state, "x", 1, 0600, NULL), KMS_OK);
    assert_int_equal(kms_state_dir_open(place->state, &lock, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "Not a directory"));
    assert_int_equal(kms_state_dir_open(place->lock, &lock, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "set state-dir"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_folder_is_made_and_can_be_used_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_or_a_missing_parent_is_refused_with_advice, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
