/* Files are read whole or not at all, and replaced in one step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

struct fixture {
    char folder[64];
    char path[96];
    struct kms_buf buf;
};

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    kms_text_copy(f->folder, sizeof f->folder, "/tmp/kmsmon-file-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    kms_text_format(f->path, sizeof f->path, "%s/report.txt", f->folder);
    kms_buf_init(&f->buf, 1000);
    *state = f;
    return 0;
}

static size_t count_entries(const char *folder, bool remove_them)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            count++;
            if (remove_them) {
                assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
            }
        }
    }
    closedir(dir);
    return count;
}

static int remove_folder(void **state)
{
    struct fixture *f = *state;
    count_entries(f->folder, true);
    assert_int_equal(rmdir(f->folder), 0);
    kms_buf_done(&f->buf);
    free(f);
    return 0;
}

static void put(const char *path, const char *text, size_t len)
{
    struct kms_fault fault = {0};
    enum kms_status status = kms_file_replace(path, text, len, 0640, &fault);
    assert_string_equal(fault.text, "");
    assert_int_equal(status, KMS_OK);
}

static void what_was_written_is_read_back_with_its_stamp(void **state)
{
    struct fixture *f = *state;
    static const char bytes[] = "a\0b\n";
    put(f->path, bytes, 4);
    struct kms_file_stamp stamp;
    assert_int_equal(kms_file_read(f->path, &f->buf, &stamp, NULL), KMS_OK);
    assert_int_equal(f->buf.len, 4);
    assert_memory_equal(f->buf.data, bytes, 4);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(stamp.size, 4);
    assert_int_equal(stamp.inode, st.st_ino);
    assert_int_equal(stamp.mtime_ns / 1000000000, st.st_mtim.tv_sec);
    assert_int_equal(st.st_mode & 07777U, 0640);
    struct kms_file_stamp other = stamp;
    assert_true(kms_file_stamp_equal(&stamp, &other));
    other.ctime_ns++;
    assert_false(kms_file_stamp_equal(&stamp, &other));
}

static void an_empty_file_is_empty(void **state)
{
    struct fixture *f = *state;
    put(f->path, "", 0);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_OK);
    assert_int_equal(f->buf.len, 0);
}

static void a_file_of_exactly_the_cap_is_read_and_one_byte_more_is_not(void **state)
{
    struct fixture *f = *state;
    char bytes[1001];
    memset(bytes, 'x', sizeof bytes);
    put(f->path, bytes, 1000);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_OK);
    assert_int_equal(f->buf.len, 1000);
    put(f->path, bytes, 1001);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_ETOOBIG);
    assert_int_equal(f->buf.len, 0);
}

static void a_file_larger_than_one_read_is_whole(void **state)
{
    struct fixture *f = *state;
    struct kms_buf big;
    kms_buf_init(&big, 1 << 20);
    for (unsigned i = 0; i < 50000; i++) {
        assert_int_equal(kms_buf_addf(&big, "%u,", i), KMS_OK);
    }
    put(f->path, big.data, big.len);
    struct kms_buf back;
    kms_buf_init(&back, 1 << 20);
    assert_int_equal(kms_file_read(f->path, &back, NULL, NULL), KMS_OK);
    assert_int_equal(back.len, big.len);
    assert_memory_equal(back.data, big.data, big.len);
    kms_buf_done(&big);
    kms_buf_done(&back);
}

static void a_missing_file_is_not_found(void **state)
{
    struct fixture *f = *state;
    int error = 0;
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, &error), KMS_ENOTFOUND);
    assert_int_equal(error, ENOENT);
    kms_text_append(f->path, sizeof f->path, "/below");
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_ENOTFOUND);
}

static void a_name_that_is_too_long_is_an_io_error_with_its_errno(void **state)
{
    struct fixture *f = *state;
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    int error = 0;
    assert_int_equal(kms_file_read(name, &f->buf, NULL, &error), KMS_EIO);
    assert_int_equal(error, ENAMETOOLONG);
}

static void a_fifo_without_writer_does_not_block_and_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_EINVAL);
}

static void a_folder_a_device_and_a_socket_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(kms_file_read(f->folder, &f->buf, NULL, NULL), KMS_EINVAL);
    assert_int_equal(kms_file_read("/dev/zero", &f->buf, NULL, NULL), KMS_EINVAL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    kms_text_copy(address.sun_path, sizeof address.sun_path, f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_EINVAL);
    close(fd);
}

struct writer {
    const char *path;
    bool stop;
    pthread_mutex_t lock;
};

static bool should_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return stop;
}

/* Rewrites the file in place for ever, always full of one letter, and one byte longer every time.
 */
static void *rewrite_in_place(void *arg)
{
    struct writer *w = arg;
    static char bytes[400000];
    for (size_t round = 0; !should_stop(w); round++) {
        memset(bytes, (int)('a' + round % 26), sizeof bytes);
        int fd = open(w->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        (void)!write(fd, bytes, sizeof bytes - 1000 + round % 1000);
        close(fd);
    }
    return NULL;
}

static void a_file_that_changes_while_it_is_read_is_busy(void **state)
{
    struct fixture *f = *state;
    put(f->path, "", 0);
    struct writer w = {.path = f->path, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, rewrite_in_place, &w), 0);
    struct kms_buf buf;
    kms_buf_init(&buf, 1 << 20);
    size_t busy = 0;
    for (size_t tries = 0; tries < 200000 && busy < 20; tries++) {
        enum kms_status status = kms_file_read(f->path, &buf, NULL, NULL);
        if (status == KMS_EBUSY) {
            assert_int_equal(buf.len, 0);
            busy++;
        } else {
            assert_int_equal(status, KMS_OK);
        }
    }
    pthread_mutex_lock(&w.lock);
    w.stop = true;
    pthread_mutex_unlock(&w.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    kms_buf_done(&buf);
    assert_int_equal(busy, 20);
}

static void *replace_often(void *arg)
{
    struct writer *w = arg;
    static char bytes[100000];
    for (size_t round = 0; round < 300; round++) {
        memset(bytes, (int)('a' + round % 26), sizeof bytes);
        (void)kms_file_replace(w->path, bytes, 50000 + round * 100, 0600, NULL);
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void readers_of_a_replaced_file_see_the_old_or_the_new_never_a_part(void **state)
{
    struct fixture *f = *state;
    put(f->path, "aaaa", 4);
    struct writer w = {.path = f->path, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, replace_often, &w), 0);
    struct kms_buf buf;
    kms_buf_init(&buf, 1 << 20);
    while (!should_stop(&w)) {
        enum kms_status status = kms_file_read(f->path, &buf, NULL, NULL);
        if (status == KMS_EBUSY) {
            continue; /* losing its last name changes an open file's ctime */
        }
        assert_int_equal(status, KMS_OK);
        assert_true(buf.len == 4 || (buf.len >= 50000 && buf.len % 100 == 0));
        for (size_t i = 1; i < buf.len; i++) {
            if (buf.data[i] != buf.data[0]) {
                fail_msg("two contents are mixed at byte %zu", i);
            }
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    kms_buf_done(&buf);
    assert_int_equal(count_entries(f->folder, false), 1);
}

static void a_failed_replacement_names_the_path_and_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct kms_fault fault;
    char target[96];
    kms_text_format(target, sizeof target, "%s/none/x", f->folder);
    assert_int_equal(kms_file_replace(target, "x", 1, 0600, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "none/x': No such file or directory"));
    kms_text_format(target, sizeof target, "%s/sub", f->folder);
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(kms_file_replace(target, "x", 1, 0600, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "cannot replace"));
    assert_int_equal(rmdir(target), 0);
    assert_int_equal(count_entries(f->folder, false), 0);
}

static void a_created_file_replaces_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(kms_file_create(f->path, "first", 5, 0600, NULL), KMS_OK);
    assert_int_equal(kms_file_create(f->path, "second", 6, 0600, NULL), KMS_OK);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&f->buf), "first");
    assert_int_equal(count_entries(f->folder, false), 1);
}

/* Only root can make what is somebody else's. */
static void what_root_keeps_in_a_folder_of_somebody_is_his(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(kms_file_keep(f->path, "own", 3, 0640, NULL), KMS_OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_uid, geteuid());
    if (geteuid() != 0) {
        print_message("not root: nothing can be handed over\n");
        return;
    }
    assert_int_equal(chown(f->folder, 65534, 65533), 0);
    assert_int_equal(kms_file_keep(f->path, "his", 3, 0640, NULL), KMS_OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_gid, 65533);
    assert_int_equal(st.st_mode & 07777U, 0640);
    assert_int_equal(kms_file_replace(f->path, "root's", 6, 0600, NULL), KMS_OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_uid, 0); /* only what belongs with the folder */
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&f->buf), "root's");
    assert_int_equal(count_entries(f->folder, false), 1);
}

static void what_is_wrong_with_a_file_has_words(void **state)
{
    (void)state;
    assert_string_equal(kms_file_why(KMS_ENOTFOUND, ENOENT), "no such file");
    assert_string_equal(kms_file_why(KMS_EINVAL, 0), "not a regular file");
    assert_string_equal(kms_file_why(KMS_EIO, EACCES), "Permission denied");
    assert_string_equal(kms_file_why(KMS_EIO, 0), "it cannot be read");
    assert_string_equal(kms_file_why(KMS_EBUSY, 0), "it changed while it was read");
    assert_string_equal(kms_file_why(KMS_ETOOBIG, 0), "too big");
}

static void a_symbolic_link_is_replaced_not_followed(void **state)
{
    struct fixture *f = *state;
    char link[96];
    kms_text_format(link, sizeof link, "%s/link", f->folder);
    put(f->path, "old", 3);
    assert_int_equal(symlink(f->path, link), 0);
    put(link, "new", 3);
    assert_int_equal(kms_file_read(f->path, &f->buf, NULL, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&f->buf), "old");
    assert_int_equal(kms_file_read(link, &f->buf, NULL, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&f->buf), "new");
}

static void *write_in_pieces(void *arg)
{
    const int *fd = arg;
    for (int i = 0; i < 10; i++) {
        (void)!write(*fd, "0123456789", 10);
    }
    close(*fd);
    return NULL;
}

static void a_pipe_is_read_to_its_end_even_when_non_blocking(void **state)
{
    struct fixture *f = *state;
    for (size_t max = 100; max >= 99; max--) {
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        struct kms_buf buf;
        kms_buf_init(&buf, max);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, write_in_pieces, &fds[1]), 0);
        enum kms_status status = kms_file_read_fd(fds[0], &buf);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(status, max == 100 ? KMS_OK : KMS_ETOOBIG);
        assert_int_equal(buf.len, max == 100 ? 100 : 0);
        close(fds[0]);
        kms_buf_done(&buf);
    }
    assert_int_equal(kms_file_read_fd(-1, &f->buf), KMS_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        FILE_TEST(what_was_written_is_read_back_with_its_stamp),
        FILE_TEST(an_empty_file_is_empty),
        FILE_TEST(a_file_of_exactly_the_cap_is_read_and_one_byte_more_is_not),
        FILE_TEST(a_file_larger_than_one_read_is_whole),
        FILE_TEST(a_missing_file_is_not_found),
        FILE_TEST(a_name_that_is_too_long_is_an_io_error_with_its_errno),
        FILE_TEST(a_fifo_without_writer_does_not_block_and_is_refused),
        FILE_TEST(a_folder_a_device_and_a_socket_are_refused),
        FILE_TEST(a_file_that_changes_while_it_is_read_is_busy),
        FILE_TEST(readers_of_a_replaced_file_see_the_old_or_the_new_never_a_part),
        FILE_TEST(a_failed_replacement_names_the_path_and_leaves_nothing_behind),
        FILE_TEST(what_root_keeps_in_a_folder_of_somebody_is_his),
        FILE_TEST(what_is_wrong_with_a_file_has_words),
        FILE_TEST(a_created_file_replaces_nothing),
        FILE_TEST(a_symbolic_link_is_replaced_not_followed),
        FILE_TEST(a_pipe_is_read_to_its_end_even_when_non_blocking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
