/* One CMID whatever happens: made once, by whoever is first, never replaced; and the workstation's
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/entropy.h"
#include "base/file.h"
#include "base/text.h"
#include "rpc/identity.h"

#define PATH_SIZE 128

static char folder[PATH_SIZE], file[PATH_SIZE];
static struct kms_fault fault;

static int make_folder(void **state)
{
    (void)state;
    kms_text_copy(folder, sizeof folder, "/tmp/kms-identity-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    kms_text_format(file, sizeof file, "%s/cmid", folder);
    fault = (struct kms_fault){.offset = 0};
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)rmdir(file);
    return rmdir(folder); /* fails when something else was left behind */
}

static void write_file(const char *text, size_t len, unsigned mode)
{
    assert_int_equal(kms_file_replace(file, text, len, mode, NULL), KMS_OK);
}

static void assert_says(const char *word)
{
    if (!strstr(fault.text, word)) {
        fail_msg("'%s' is not in: %s", word, fault.text);
    }
}

static struct kms_guid opened(void)
{
    struct kms_guid cmid;
    fault.text[0] = '\0';
    enum kms_status status = kms_identity_open(folder, &cmid, &fault);
    if (status != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    return cmid;
}

static void refused(enum kms_status wanted, const char *word)
{
    struct kms_guid cmid = {{7}};
    assert_int_equal(kms_identity_open(folder, &cmid, &fault), wanted);
    assert_int_equal(cmid.wire[0], 7); /* untouched */
    assert_says(word);
}

static void entropy_fills_all_of_it(void **state)
{
    (void)state;
    uint8_t a[300] = {0};
    uint8_t b[300] = {0};
    assert_true(kms_entropy(a, sizeof a - 1));
    assert_true(kms_entropy(b, sizeof b - 1));
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(a[sizeof a - 1], 0);
    assert_true(kms_entropy(a, 0));
}

static void the_cmid_is_made_once_and_read_ever_after(void **state)
{
    (void)state;
    struct kms_guid none;
    assert_int_equal(kms_identity_read(folder, &none, &fault), KMS_ENOTFOUND);
    struct kms_guid first = opened();
    assert_false(kms_guid_is_zero(&first));
    assert_int_equal(first.wire[7] >> 4, 4); /* version 4; the third group is swapped */
    for (int i = 0; i < 20; i++) {
        struct kms_guid again = opened();
        assert_true(kms_guid_equal(&first, &again));
    }
    assert_int_equal(kms_identity_read(folder, &none, &fault), KMS_OK);
    assert_true(kms_guid_equal(&first, &none));
}

static void the_file_is_its_owners_alone_and_one_line(void **state)
{
    (void)state;
    struct kms_guid cmid = opened();
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1); /* the temporary name is gone */
    char text[KMS_GUID_TEXT];
    kms_guid_text(&cmid, text);
    struct kms_buf buf;
    kms_buf_init(&buf, 100);
    assert_int_equal(kms_file_read(file, &buf, NULL, NULL), KMS_OK);
    assert_int_equal(buf.len, 37);
    assert_memory_equal(buf.data, text, 36);
    assert_int_equal(buf.data[36], '\n');
    kms_buf_done(&buf);
}

static void every_state_directory_of_a_machine_has_the_same_cmid(void **state)
{
    (void)state;
    struct kms_guid machine;
    struct kms_buf buf;
    kms_buf_init(&buf, 100);
    bool known = kms_file_read("/etc/machine-id", &buf, NULL, NULL) == KMS_OK &&
                 kms_identity_of_machine(kms_buf_str(&buf), &machine);
    kms_buf_done(&buf);
    if (!known) {
        print_message("skipped: this machine has no /etc/machine-id\n");
        skip();
    }
    struct kms_guid first = opened();
    assert_true(kms_guid_equal(&first, &machine));
    assert_int_equal(unlink(file), 0);
    struct kms_guid second = opened();
    assert_true(kms_guid_equal(&first, &second));
}

static void two_machines_have_two_cmids_and_neither_is_its_id(void **state)
{
    (void)state;
    struct kms_guid a, b, again;
    char text[KMS_GUID_TEXT];
    assert_true(kms_identity_of_machine("0123456789abcdef0123456789abcdef\n", &a));
    assert_true(kms_identity_of_machine("0123456789abcdef0123456789abcdee", &b));
    assert_true(kms_identity_of_machine("0123456789abcdef0123456789abcdef", &again));
    assert_false(kms_guid_equal(&a, &b));
    assert_true(kms_guid_equal(&a, &again));
    kms_guid_text(&a, text);
    assert_null(strstr(text, "01234567"));
    assert_int_equal(text[14], '4');
}

static void what_is_no_id_of_a_machine_makes_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "uninitialized\n",
                                        "00000000000000000000000000000000\n",
                                        "0123456789abcdef0123456789abcde",
                                        "0123456789abcdef0123456789abcdef0",
                                        "0123456789ABCDEF0123456789ABCDEF",
                                        " 0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kms_guid cmid = {{7}};
        assert_false(kms_identity_of_machine(texts[i], &cmid));
        assert_int_equal(cmid.wire[0], 7);
    }
}

/* All start at the same moment: a pipe that closes lets them go. */
static void processes_that_make_it_at_once_end_with_the_same(void **state)
{
    (void)state;
    enum { PROCESSES = 12, ROUNDS = 8 };
    for (int round = 0; round < ROUNDS; round++) {
        int gate[2];
        int said[2];
        assert_int_equal(pipe(gate), 0);
        assert_int_equal(pipe(said), 0);
        pid_t child[PROCESSES];
        for (int i = 0; i < PROCESSES; i++) {
            child[i] = fork();
            assert_true(child[i] >= 0);
            if (child[i] == 0) {
                struct kms_guid cmid;
                char c;
                (void)close(gate[1]);
                bool good = read(gate[0], &c, 1) == 0 &&
                            kms_identity_open(folder, &cmid, NULL) == KMS_OK &&
                            write(said[1], cmid.wire, sizeof cmid.wire) == sizeof cmid.wire;
                _exit(good ? 0 : 1);
            }
        }
        (void)close(gate[0]);
        (void)close(gate[1]);
        (void)close(said[1]);
        for (int i = 0; i < PROCESSES; i++) {
            int status;
            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_int_equal(status, 0);
        }
        struct kms_guid first = opened();
        struct kms_guid one;
        for (int i = 0; i < PROCESSES; i++) {
            assert_int_equal(read(said[0], one.wire, sizeof one.wire), sizeof one.wire);
            assert_true(kms_guid_equal(&first, &one));
        }
        (void)close(said[0]);
        assert_int_equal(unlink(file), 0);
    }
}

static void what_is_no_guid_is_refused_and_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "not a guid\n",
        "00000000-0000-0000-0000-000000000000\n",
        "55c92734-d682-4d71-983e-d6ec3f16059\n",
        "55c92734-d682-4d71-983e-d6ec3f16059f\n\n",
        "55c92734-d682-4d71-983e-d6ec3f16059f \n",
        " 55c92734-d682-4d71-983e-d6ec3f16059f\n",
        "{55c92734-d682-4d71-983e-d6ec3f16059f}\n",
        "55c92734-d682-4d71-983e-d6ec3f16059f\n55c92734-d682-4d71-983e-d6ec3f16059f\n",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(bad); i++) {
        write_file(bad[i], strlen(bad[i]), 0600);
        refused(KMS_ESYNTAX, file);
        struct kms_buf buf;
        kms_buf_init(&buf, 200);
        assert_int_equal(kms_file_read(file, &buf, NULL, NULL), KMS_OK);
        assert_string_equal(kms_buf_str(&buf), bad[i]);
        kms_buf_done(&buf);
    }
    static const char zero[] = "55c92734-d682-4d71-983e-d6ec3f16059f\0";
    write_file(zero, sizeof zero - 1, 0600);
    refused(KMS_ESYNTAX, file);
}

static void a_guid_written_by_hand_is_taken(void **state)
{
    (void)state;
    static const char text[] = "55C92734-D682-4D71-983E-D6EC3F16059F";
    struct kms_guid wanted;
    assert_true(kms_guid_parse(text, &wanted));
    write_file(text, sizeof text - 1, 0400);
    struct kms_guid cmid = opened();
    assert_true(kms_guid_equal(&wanted, &cmid));
}

static void a_file_open_to_others_is_refused_with_the_next_step(void **state)
{
    (void)state;
    static const unsigned modes[] = {0640, 0604, 0620, 0602, 0666, 0610};
    static const char text[] = "55c92734-d682-4d71-983e-d6ec3f16059f\n";
    for (size_t i = 0; i < KMS_COUNT_OF(modes); i++) {
        write_file(text, sizeof text - 1, modes[i]);
        refused(KMS_EIO, "chmod 600");
        assert_says(file);
    }
}

static void a_file_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a file away\n");
        skip();
    }
    static const char text[] = "55c92734-d682-4d71-983e-d6ec3f16059f\n";
    write_file(text, sizeof text - 1, 0600);
    assert_int_equal(chown(file, 12345, 12345), 0);
    refused(KMS_EIO, "run as");
    assert_int_equal(chown(folder, 12345, 12345), 0);
    refused(KMS_EIO, "#12345");
    assert_says(folder);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(file, 0700), 0);
    refused(KMS_EIO, "not a regular file");
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(symlink("/nowhere", file), 0);
    refused(KMS_EIO, "symbolic link");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    refused(KMS_EIO, "not a regular file");
}

static void a_folder_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    char inner[PATH_SIZE];
    struct kms_guid cmid;
    kms_text_format(inner, sizeof inner, "%s/missing", folder);
    assert_int_equal(kms_identity_open(inner, &cmid, &fault), KMS_EIO);
    assert_says("does not exist; make it");
    assert_says(inner);
    write_file("x", 1, 0600);
    assert_int_equal(kms_identity_open(file, &cmid, &fault), KMS_EIO);
    assert_says("is not a folder");
    kms_text_format(inner, sizeof inner, "%s/below", file);
    assert_int_equal(kms_identity_open(inner, &cmid, &fault), KMS_EIO);
    assert_says("cannot be looked at");
}

static void a_folder_that_others_may_write_is_refused_with_the_next_step(void **state)
{
    (void)state;
    static const unsigned modes[] = {0775, 0770, 02775, 0757, 0777, 0720, 0702};
    static const unsigned allowed[] = {0700, 0750, 0755, 02755, 02750, 0711, 01755};
    char wanted[PATH_SIZE];
    for (size_t i = 0; i < KMS_COUNT_OF(modes); i++) {
        assert_int_equal(chmod(folder, (mode_t)modes[i]), 0);
        kms_text_format(wanted, sizeof wanted, "mode %04o): chmod go-w '%s'", modes[i], folder);
        refused(KMS_EIO, wanted);
        assert_int_equal(access(file, F_OK), -1); /* and nothing is made */
    }
    assert_int_equal(chmod(folder, 01777), 0);
    refused(KMS_EIO, "mode 1777): name a folder of this user's own with state-dir");
    assert_int_equal(access(file, F_OK), -1);
    for (size_t i = 0; i < KMS_COUNT_OF(allowed); i++) {
        assert_int_equal(chmod(folder, (mode_t)allowed[i]), 0);
        (void)opened();
    }
}

static void a_folder_that_takes_no_file_is_refused(void **state)
{
    (void)state;
    struct kms_guid cmid;
    /* Its contents belong to the kernel: nobody can make a file there, root either. */
    char own[64];
    kms_text_format(own, sizeof own, "/proc/%ld/task", (long)getpid());
    if (access(own, X_OK) != 0) {
        print_message("skipped: there is no /proc\n");
        skip();
    }
    assert_int_equal(kms_identity_open(own, &cmid, &fault), KMS_EIO);
    assert_says("/cmid' cannot be made");
}

static void a_folder_without_write_permission_is_refused(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may write everywhere\n");
        skip();
    }
    assert_int_equal(chmod(folder, 0500), 0);
    refused(KMS_EIO, "cannot be made: Permission denied");
    assert_int_equal(chmod(folder, 0300), 0); /* nobody may list it, and nobody needs to */
    (void)opened();
    assert_int_equal(chmod(folder, 0700), 0);
    write_file("55c92734-d682-4d71-983e-d6ec3f16059f\n", 37, 0);
    refused(KMS_EIO, "chmod 600");
}

static void a_workstation_has_the_monitors_name(void **state)
{
    (void)state;
    static const struct {
        const char *host, *domain, *wanted;
    } row[] = {
        {"mon1", "example.org", "kms-monitor.mon1.example.org"},
        {"mon1.example.net", "example.org", "kms-monitor.mon1.example.net"},
        {"mon1", NULL, "kms-monitor.mon1"},
        {"mon1", "", "kms-monitor.mon1"},
        {"mon1", ".", "kms-monitor.mon1"},
        {"mon1", ".example.org.", "kms-monitor.mon1.example.org"},
        {"mon1.", "example.org", "kms-monitor.mon1"},
        {"", "example.org", "kms-monitor"},
        {"m\xc3\xb6n|1\n", NULL, "kms-monitor.m--n-1-"},
    };
    char name[KMS_WORKSTATION_SIZE];
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        kms_workstation_of(row[i].host, row[i].domain, name);
        assert_string_equal(name, row[i].wanted);
    }
    kms_workstation(NULL, name);
    assert_true(kms_text_starts(name, "kms-monitor"));
}

static void a_long_workstation_is_cut_at_63(void **state)
{
    (void)state;
    char host[300];
    char name[KMS_WORKSTATION_SIZE];
    for (size_t len = 1; len < sizeof host; len++) {
        memset(host, 'h', len);
        host[len] = '\0';
        kms_workstation_of(host, "example.org", name);
        assert_true(strlen(name) <= KMS_WORKSTATION_UNITS);
        assert_true(name[strlen(name) - 1] != '.');
    }
    assert_int_equal(strlen(name), KMS_WORKSTATION_UNITS);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entropy_fills_all_of_it),
        IN_FOLDER(the_cmid_is_made_once_and_read_ever_after),
        IN_FOLDER(the_file_is_its_owners_alone_and_one_line),
        IN_FOLDER(every_state_directory_of_a_machine_has_the_same_cmid),
        cmocka_unit_test(two_machines_have_two_cmids_and_neither_is_its_id),
        cmocka_unit_test(what_is_no_id_of_a_machine_makes_none),
        IN_FOLDER(processes_that_make_it_at_once_end_with_the_same),
        IN_FOLDER(what_is_no_guid_is_refused_and_stays),
        IN_FOLDER(a_guid_written_by_hand_is_taken),
        IN_FOLDER(a_file_open_to_others_is_refused_with_the_next_step),
        IN_FOLDER(a_file_of_another_user_is_refused),
        IN_FOLDER(what_is_no_file_is_refused),
        IN_FOLDER(a_folder_that_cannot_be_used_is_refused),
        IN_FOLDER(a_folder_that_others_may_write_is_refused_with_the_next_step),
        cmocka_unit_test(a_folder_that_takes_no_file_is_refused),
        IN_FOLDER(a_folder_without_write_permission_is_refused),
        cmocka_unit_test(a_workstation_has_the_monitors_name),
        cmocka_unit_test(a_long_workstation_is_cut_at_63),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
