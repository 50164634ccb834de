/* The file of the control socket, and who may use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/control_peer.h"
#include "agent/control_socket.h"
#include "base/text.h"

struct folder {
    char path[64];
    char file[96];
};

static struct folder folder_new(const char *name)
{
    struct folder folder;
    kms_text_copy(folder.path, sizeof folder.path, "/tmp/kmsmon-socket-XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    kms_text_format(folder.file, sizeof folder.file, "%s/%s", folder.path, name);
    return folder;
}

static void folder_gone(const struct folder *folder)
{
    assert_int_equal(rmdir(folder->path), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void close_socket(struct kms_control_socket *socket)
{
    kms_control_socket_remove(socket);
    assert_int_equal(close(socket->fd), 0);
}

static void the_mode_is_as_wanted_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t umasks[] = {0, 022, 077, 0777};
    struct folder folder = folder_new("control");
    for (size_t i = 0; i < KMS_COUNT_OF(umasks); i++) {
        struct kms_control_socket socket;
        mode_t before = umask(umasks[i]);
        assert_int_equal(kms_control_socket_open(folder.file, 0666, &socket, NULL), KMS_OK);
        assert_int_equal(mode_of(folder.file), 0666);
        close_socket(&socket);
        assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, NULL), KMS_OK);
        assert_int_equal(mode_of(folder.file), 0600);
        close_socket(&socket);
        (void)umask(before);
    }
    folder_gone(&folder);
}

static void a_missing_folder_is_made(void **state)
{
    (void)state;
    struct folder folder = folder_new("run/control");
    struct kms_control_socket socket;
    mode_t before = umask(077);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, NULL), KMS_OK);
    (void)umask(before);
    close_socket(&socket);
    char run[96];
    kms_text_format(run, sizeof run, "%s/run", folder.path);
    assert_int_equal(mode_of(run), 0755);
    assert_int_equal(rmdir(run), 0);
    folder_gone(&folder);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct folder folder = folder_new("a/b/control");
    struct kms_control_socket socket;
    struct kms_fault fault = {0};
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, folder.file));
    assert_non_null(strstr(fault.text, "No such file or directory"));
    folder_gone(&folder);
}

static void what_a_dead_process_left_is_replaced(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    struct kms_control_socket dead, socket;
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &dead, NULL), KMS_OK);
    assert_int_equal(close(dead.fd), 0); /* and the file stays */
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, NULL), KMS_OK);
    close_socket(&socket);
    folder_gone(&folder);
}

static void what_took_its_place_is_not_removed(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    char aside[112];
    kms_text_format(aside, sizeof aside, "%s.aside", folder.file);
    struct kms_control_socket first, second;
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &first, NULL), KMS_OK);
    assert_int_equal(rename(folder.file, aside), 0);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &second, NULL), KMS_OK);
    close_socket(&first);
    assert_int_equal(mode_of(folder.file), 0600);
    close_socket(&second);
    assert_int_equal(unlink(aside), 0);
    folder_gone(&folder);
}

static void a_living_one_is_named(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    struct kms_control_socket first, second;
    struct kms_fault fault = {0};
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &first, NULL), KMS_OK);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &second, &fault), KMS_EBUSY);
    char process[32];
    kms_text_format(process, sizeof process, "in use by process %d (", (int)getpid());
    assert_non_null(strstr(fault.text, process));
    assert_int_equal(mode_of(folder.file), 0600);
    close_socket(&first);
    folder_gone(&folder);
}

static void what_is_no_socket_stays(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    FILE *file = fopen(folder.file, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    struct kms_control_socket socket;
    struct kms_fault fault = {0};
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "something else has this name"));
    assert_int_equal(unlink(folder.file), 0);
    assert_int_equal(mkdir(folder.file, 0700), 0);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "' is a folder; name a socket in it with socket"));
    assert_int_equal(rmdir(folder.file), 0);
    assert_int_equal(symlink("/nowhere/at/all", folder.file), 0);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, &fault), KMS_EIO);
    assert_int_equal(unlink(folder.file), 0);
    folder_gone(&folder);
}

static void a_long_path_is_refused(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    struct kms_control_socket socket;
    assert_int_equal(kms_control_socket_open(path, 0600, &socket, NULL), KMS_ETOOBIG);
}

/* ---- who may ---- */

static const struct kms_control_access site = {.own = 500,
                                               .has_readers = true,
                                               .readers = 600,
                                               .has_operators = true,
                                               .operators = 700,
                                               .own_name = "kmsmon",
                                               .readers_name = "nagios",
                                               .operators_name = "adm"};

static void root_the_own_user_and_members_may(void **state)
{
    (void)state;
    static const struct {
        uid_t uid;
        gid_t group[3];
        bool may_read, may_change;
    } rows[] = {
        {0, {1, 2, 3}, true, true},       {500, {1, 2, 3}, true, true},
        {501, {600, 2, 3}, true, false},  {501, {1, 2, 600}, true, false},
        {501, {1, 700, 3}, true, true},   {501, {600, 700, 3}, true, true},
        {501, {500, 0, 3}, false, false},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        struct kms_control_peer peer = kms_control_peer_judge(&site, rows[i].uid, rows[i].group, 3);
        assert_int_equal(peer.may_read, rows[i].may_read);
        assert_int_equal(peer.may_change, rows[i].may_change);
    }
}

static void without_groups_the_number_0_is_no_group(void **state)
{
    (void)state;
    const struct kms_control_access alone = {.own = 500, .own_name = "kmsmon"};
    const gid_t root_group = 0;
    assert_false(kms_control_peer_judge(&alone, 501, &root_group, 1).may_read);
}

static void it_is_said_who_may(void **state)
{
    (void)state;
    char text[200];
    kms_control_access_text(&site, false, text, sizeof text);
    assert_string_equal(text, "root, user kmsmon and members of the groups nagios and adm");
    kms_control_access_text(&site, true, text, sizeof text);
    assert_string_equal(text, "root, user kmsmon and members of group adm");
    const struct kms_control_access alone = {.own = 500, .own_name = "kmsmon"};
    kms_control_access_text(&alone, false, text, sizeof text);
    assert_string_equal(text, "root and user kmsmon");
    const struct kms_control_access as_root = {.own = 0, .own_name = "root"};
    kms_control_access_text(&as_root, false, text, sizeof text);
    assert_string_equal(text, "root");
}

static void the_kernel_says_who_a_peer_is(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct kms_control_access access;
    struct kms_control_peer peer;
    assert_int_equal(kms_control_access_find(NULL, NULL, &access, NULL), KMS_OK);
    assert_int_equal(kms_control_peer_of(pair[0], &access, &peer), KMS_OK);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    assert_true(peer.may_change);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void a_group_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct kms_control_access access;
    struct kms_fault fault = {0};
    assert_int_equal(kms_control_access_find("root", "no such group", &access, &fault),
                     KMS_ENOTFOUND);
    assert_string_equal(fault.text, "there is no group 'no such group'");
    assert_int_equal(kms_control_access_find("root", NULL, &access, &fault), KMS_OK);
    assert_true(access.has_readers && !access.has_operators);
    assert_int_equal(access.readers, 0);
}

/* The folder is for all to read: a lock of it is anybody's. */
static void somebody_else_who_locks_the_folder_keeps_nobody_out(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    struct kms_control_socket socket;
    int locked = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(locked, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, NULL), KMS_OK);
    close_socket(&socket);
    assert_int_equal(close(locked), 0);
    folder_gone(&folder);
}

static void two_do_not_make_it_at_the_same_time(void **state)
{
    (void)state;
    struct folder folder = folder_new("control");
    struct kms_control_socket socket;
    struct kms_fault fault = {.text = ""};
    char lock[112];
    kms_text_format(lock, sizeof lock, "%s.lock", folder.file);
    int locked = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(locked, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, &fault), KMS_EBUSY);
    assert_non_null(strstr(fault.text, "at this moment"));
    assert_int_equal(close(locked), 0);
    /* What one left that was killed is no lock. */
    assert_int_equal(kms_control_socket_open(folder.file, 0600, &socket, NULL), KMS_OK);
    close_socket(&socket);
    folder_gone(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mode_is_as_wanted_whatever_the_umask),
        cmocka_unit_test(a_missing_folder_is_made),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
        cmocka_unit_test(what_a_dead_process_left_is_replaced),
        cmocka_unit_test(what_took_its_place_is_not_removed),
        cmocka_unit_test(a_living_one_is_named),
        cmocka_unit_test(what_is_no_socket_stays),
        cmocka_unit_test(a_long_path_is_refused),
        cmocka_unit_test(root_the_own_user_and_members_may),
        cmocka_unit_test(without_groups_the_number_0_is_no_group),
        cmocka_unit_test(it_is_said_who_may),
        cmocka_unit_test(the_kernel_says_who_a_peer_is),
        cmocka_unit_test(a_group_that_is_not_there_is_named),
        cmocka_unit_test(somebody_else_who_locks_the_folder_keeps_nobody_out),
        cmocka_unit_test(two_do_not_make_it_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
