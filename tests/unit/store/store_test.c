/* The store keeps what was committed, says what is wrong with its file, and never reads anything
 * that was not written. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store.h"
#include "store/store_parts.h"

#define HOUR_S INT64_C(3600)
#define NOW_S  (INT64_C(1764000000) / HOUR_S * HOUR_S)

struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    kms_text_copy(place->folder, sizeof place->folder, "/tmp/kms-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    kms_text_format(place->path, sizeof place->path, "%s/store", place->folder);
    *state = place;
    return 0;
}

static void remove_store(const char *path)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    char name[160];
    for (size_t i = 0; i < KMS_COUNT_OF(parts); i++) {
        kms_text_format(name, sizeof name, "%s%s", path, parts[i]);
        (void)unlink(name);
    }
}

static int remove_place(void **state)
{
    struct place *place = *state;
    remove_store(place->path);
    for (int i = 1; i <= KMS_STORE_ASIDE_MAX; i++) {
        char aside[128];
        kms_text_format(aside, sizeof aside, "%s.corrupt-%d", place->path, i);
        remove_store(aside);
    }
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

static struct kms_store *open_store(const char *path)
{
    struct kms_store *store = NULL;
    struct kms_fault fault = {0};
    if (kms_store_open(path, &store, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    return store;
}

static void put(struct kms_store *store, enum kms_store_kind kind, const char *name,
                const char *text)
{
    assert_int_equal(kms_store_put(store, kind, name, text, strlen(text), NULL), KMS_OK);
}

static void begin(struct kms_store *store)
{
    assert_int_equal(kms_store_begin(store, NULL), KMS_OK);
}

static void commit(struct kms_store *store)
{
    struct kms_fault fault = {0};
    if (kms_store_commit(store, &fault) != KMS_OK) {
        fail_msg("%s", fault.text);
    }
}

static void list_row(void *arg, const char *name, const char *bytes, size_t len)
{
    assert_int_equal(kms_buf_addf(arg, "%s=%.*s;", name, (int)len, bytes), KMS_OK);
}

/* "a=1;b=2;" */
static char *list(struct kms_store *store, enum kms_store_kind kind)
{
    struct kms_buf text;
    kms_buf_init(&text, 1 << 22);
    assert_int_equal(kms_buf_add_str(&text, ""), KMS_OK);
    assert_int_equal(kms_store_each(store, kind, list_row, &text, NULL), KMS_OK);
    char *taken = kms_buf_take(&text);
    return taken ? taken : kms_text_dup("");
}

static void expect(struct kms_store *store, enum kms_store_kind kind, const char *wanted)
{
    char *found = list(store, kind);
    assert_string_equal(found, wanted);
    free(found);
}

/* ---- records ---- */

static void records_are_there_after_reopening_in_the_order_of_names(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put(store, KMS_STORE_NUMBER, "host b", "2");
    put(store, KMS_STORE_NUMBER, "host a", "1");
    put(store, KMS_STORE_META, "alarm-next", "7");
    put(store, KMS_STORE_NUMBER, "host a", "3");
    commit(store);
    kms_store_close(store);
    store = open_store(place->path);
    expect(store, KMS_STORE_NUMBER, "host a=3;host b=2;");
    expect(store, KMS_STORE_META, "alarm-next=7;");
    expect(store, KMS_STORE_ALARM, "");
    kms_store_close(store);
}

static void the_file_is_not_for_others(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put(store, KMS_STORE_META, "a", "1");
    commit(store);
    char wal[128];
    struct stat st;
    kms_text_format(wal, sizeof wal, "%s-wal", place->path);
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    kms_store_close(store);
}

static void what_is_removed_or_rolled_back_is_not_there(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put(store, KMS_STORE_ALARM, "1", "x");
    put(store, KMS_STORE_ALARM, "2", "y");
    put(store, KMS_STORE_ALARM, "3", "");
    commit(store);
    begin(store);
    assert_int_equal(kms_store_remove(store, KMS_STORE_ALARM, "1", NULL), KMS_OK);
    assert_int_equal(kms_store_remove(store, KMS_STORE_ALARM, "9", NULL), KMS_OK);
    commit(store);
    begin(store);
    assert_int_equal(kms_store_wipe(store, KMS_STORE_ALARM, NULL), KMS_OK);
    kms_store_rollback(store);
    expect(store, KMS_STORE_ALARM, "2=y;3=;");
    kms_store_close(store);
}

static void a_record_that_is_too_long_is_refused(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    char *bytes = calloc(1, KMS_STORE_BYTES_MAX + 1);
    assert_non_null(bytes);
    begin(store);
    assert_int_equal(
        kms_store_put(store, KMS_STORE_META, "a", bytes, KMS_STORE_BYTES_MAX + 1, NULL),
        KMS_ETOOBIG);
    assert_int_equal(kms_store_put(store, KMS_STORE_META, "a", bytes, KMS_STORE_BYTES_MAX, NULL),
                     KMS_OK);
    commit(store);
    kms_store_close(store);
    free(bytes);
}

static void a_store_has_one_user_at_a_time(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kms_store *other = NULL;
        struct kms_fault fault = {0};
        char holder[64];
        kms_text_format(holder, sizeof holder, "locked by process %ld (", (long)getppid());
        bool is_refused = kms_store_open(place->path, &other, &fault) == KMS_EBUSY;
        print_message("%s\n", fault.text);
        _exit(is_refused && strstr(fault.text, holder) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    kms_store_close(store);
}

/* The child tells when its commit came back, and is killed with the second transaction open. */
static void what_was_committed_survives_a_kill(void **state)
{
    const struct place *place = *state;
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kms_store *store = open_store(place->path);
        begin(store);
        put(store, KMS_STORE_META, "a", "1");
        commit(store);
        begin(store);
        put(store, KMS_STORE_META, "b", "2");
        _exit(write(told[1], "x", 1) == 1 ? pause() : 1);
    }
    char byte;
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(told[0]);
    (void)close(told[1]);
    struct kms_store *store = open_store(place->path);
    expect(store, KMS_STORE_META, "a=1;");
    kms_store_close(store);
}

/* ---- damage ---- */

#define NUMBERS 400

static void fill(const char *path)
{
    struct kms_store *store = open_store(path);
    char name[64];
    char text[32];
    begin(store);
    for (int i = 1; i <= NUMBERS; i++) {
        kms_text_format(name, sizeof name, "host kms%03d.corp.example.com", i);
        kms_text_format(text, sizeof text, "%d", i);
        put(store, KMS_STORE_NUMBER, name, text);
        put(store, KMS_STORE_RESULT, name, "result wsman wsman-ok\nend\n");
        const struct kms_history_hour hour = {.host = "kms1",
                                              .key = "Windows",
                                              .hour_s = NOW_S - HOUR_S * i,
                                              .count_known = true,
                                              .count_last = 30,
                                              .count_min = 25,
                                              .count_max = 50,
                                              .required_client = 25,
                                              .required_server = 5};
        assert_int_equal(kms_store_put_hour(store, &hour, NULL), KMS_OK);
    }
    commit(store);
    kms_store_close(store);
}

/* Every number that is told is the one that was written. */
static void count_true_number(void *arg, const char *name, const char *bytes, size_t len)
{
    char wanted[64];
    uint64_t number = 0;
    assert_true(kms_text_u64_len(bytes, len, &number));
    kms_text_format(wanted, sizeof wanted, "host kms%03d.corp.example.com", (int)number);
    assert_string_equal(name, wanted);
    (*(int *)arg)++;
}

static int count_numbers(struct kms_store *store)
{
    int count = 0;
    assert_int_equal(kms_store_each(store, KMS_STORE_NUMBER, count_true_number, &count, NULL),
                     KMS_OK);
    return count;
}

static void flip(const char *path, off_t at, size_t len)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte;
        if (pread(fd, &byte, 1, at + (off_t)i) != 1) {
            break;
        }
        byte ^= 0xA5;
        assert_int_equal(pwrite(fd, &byte, 1, at + (off_t)i), 1);
    }
    assert_int_equal(close(fd), 0);
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* The state of a daemon that finds the file so: numbers that are right, whatever it takes. */
static int rescue(const struct place *place)
{
    struct kms_store *store = NULL;
    struct kms_fault fault = {0};
    enum kms_status status = kms_store_open(place->path, &store, &fault);
    if (status == KMS_ESYNTAX) {
        char aside[128];
        struct kms_store_salvage salvage = {.hours = 0};
        assert_int_equal(kms_store_rebuild(place->path, aside, sizeof aside, &salvage, &fault),
                         KMS_OK);
        store = open_store(place->path);
        int64_t at_s = INT64_MIN;
        while (at_s != INT64_MAX) {
            assert_int_equal(kms_store_salvage_hours(store, aside, &at_s, &salvage, &fault),
                             KMS_OK);
        }
    } else if (status != KMS_OK) {
        fail_msg("%s", fault.text);
    }
    int count = count_numbers(store);
    kms_store_close(store);
    return count;
}

static void clear(const struct place *place)
{
    remove_store(place->path);
    for (int i = 1; i <= KMS_STORE_ASIDE_MAX; i++) {
        char aside[128];
        kms_text_format(aside, sizeof aside, "%s.corrupt-%d", place->path, i);
        remove_store(aside);
    }
}

static void copy_file(const char *from, const char *to)
{
    struct kms_buf bytes;
    struct kms_file_stamp stamp;
    kms_buf_init(&bytes, 1 << 24);
    assert_int_equal(kms_file_read(from, &bytes, &stamp, NULL), KMS_OK);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    assert_int_equal(close(fd), 0);
    kms_buf_done(&bytes);
}

/* A page is 4096 bytes: every page is hit, and the first one at many places. */
static void bytes_that_flip_anywhere_never_make_a_wrong_number(void **state)
{
    const struct place *place = *state;
    char whole[128];
    kms_text_format(whole, sizeof whole, "%s.whole", place->path);
    fill(whole);
    off_t size = size_of(whole);
    int least = NUMBERS;
    for (off_t at = 0; at < size; at += at < 200 ? 7 : 1531) {
        copy_file(whole, place->path);
        flip(place->path, at, 16);
        int count = rescue(place);
        if (count < least) {
            least = count;
            print_message("damage at %lld leaves %d numbers\n", (long long)at, count);
        }
        clear(place);
    }
    remove_store(whole);
    print_message("of %d numbers at least %d were read\n", NUMBERS, least);
    assert_true(least > NUMBERS / 2);
}

static void a_file_that_was_cut_off_gives_what_is_left(void **state)
{
    const struct place *place = *state;
    char whole[128];
    kms_text_format(whole, sizeof whole, "%s.whole", place->path);
    fill(whole);
    off_t size = size_of(whole);
    for (off_t length = 0; length < size; length += 4096 - 300) {
        copy_file(whole, place->path);
        assert_int_equal(truncate(place->path, length), 0);
        struct kms_store *store = NULL;
        assert_int_equal(kms_store_open(place->path, &store, NULL), KMS_ESYNTAX);
        (void)rescue(place);
        clear(place);
    }
    remove_store(whole);
}

static void a_first_page_of_zeros_costs_no_number(void **state)
{
    const struct place *place = *state;
    fill(place->path);
    static const char zeros[4096];
    int fd = open(place->path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 0), (ssize_t)sizeof zeros);
    assert_int_equal(close(fd), 0);
    assert_int_equal(rescue(place), NUMBERS);
}

static void a_file_of_something_else_is_damage(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = NULL;
    struct kms_fault fault = {0};
    static const char *const contents[] = {"", "not a store", "kmsmon-index 1\nnext 3 host\n"};
    for (size_t i = 0; i < KMS_COUNT_OF(contents); i++) {
        assert_int_equal(
            kms_file_replace(place->path, contents[i], strlen(contents[i]), 0640, NULL), KMS_OK);
        assert_int_equal(kms_store_open(place->path, &store, &fault), KMS_ESYNTAX);
        assert_non_null(strstr(fault.text, place->path));
    }
}

static void stores_that_are_set_aside_do_not_pile_up(void **state)
{
    const struct place *place = *state;
    char aside[128];
    char wanted[128];
    for (int i = 1; i <= KMS_STORE_ASIDE_MAX + 2; i++) {
        char text[8];
        kms_text_format(text, sizeof text, "%d", i);
        assert_int_equal(kms_file_replace(place->path, text, 1, 0640, NULL), KMS_OK);
        assert_int_equal(kms_store_set_aside(place->path, aside, sizeof aside, NULL), KMS_OK);
        kms_text_format(wanted, sizeof wanted, "%s.corrupt-%d", place->path,
                        i < KMS_STORE_ASIDE_MAX ? i : KMS_STORE_ASIDE_MAX);
        assert_string_equal(aside, wanted);
    }
    struct kms_buf text;
    struct kms_file_stamp stamp;
    kms_buf_init(&text, 64);
    kms_text_format(wanted, sizeof wanted, "%s.corrupt-1", place->path);
    assert_int_equal(kms_file_read(wanted, &text, &stamp, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&text), "3"); /* the first two are gone */
    kms_buf_done(&text);
}

static void hours_of_a_damaged_file_are_taken_over(void **state)
{
    const struct place *place = *state;
    fill(place->path);
    char aside[128];
    struct kms_store_salvage salvage = {.hours = 0};
    assert_int_equal(kms_store_set_aside(place->path, aside, sizeof aside, NULL), KMS_OK);
    struct kms_store *store = open_store(place->path);
    int64_t at_s = INT64_MIN;
    while (at_s != INT64_MAX) {
        assert_int_equal(kms_store_salvage_hours(store, aside, &at_s, &salvage, NULL), KMS_OK);
    }
    assert_int_equal(salvage.hours, NUMBERS);
    kms_store_close(store);
}

static void a_rebuild_that_was_cut_off_is_finished(void **state)
{
    const struct place *place = *state;
    char anew[128];
    kms_text_format(anew, sizeof anew, "%s.anew", place->path);
    fill(anew); /* the damaged one is set aside already */
    assert_int_equal(rescue(place), NUMBERS);
    assert_int_not_equal(access(anew, F_OK), 0);
    fill(anew); /* a part of one, and the damaged one is there still */
    flip(anew, 0, 200);
    flip(place->path, 0, 200);
    assert_int_equal(rescue(place), NUMBERS);
    assert_int_not_equal(access(anew, F_OK), 0);
}

/* ---- others at the file ---- */

static void what_others_do_to_the_file_is_noticed(void **state)
{
    const struct place *place = *state;
    fill(place->path);
    struct kms_store *store = open_store(place->path);
    assert_false(kms_store_is_touched(store));
    begin(store);
    put(store, KMS_STORE_META, "a", "1");
    commit(store);
    assert_false(kms_store_is_touched(store));
    flip(place->path, 5000, 3000);
    assert_true(kms_store_is_touched(store));
    kms_store_drop(store);
    assert_true(rescue(place) > 0);
    store = open_store(place->path);
    assert_int_equal(unlink(place->path), 0);
    assert_true(kms_store_is_touched(store));
    kms_store_drop(store);
}

/* ---- a disk that is full ---- */

static void a_full_disk_is_told_and_what_was_there_stays(void **state)
{
    const struct place *place = *state;
    fill(place->path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        struct kms_store *store = open_store(place->path);
        static char bytes[200000];
        struct rlimit limit = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        struct kms_fault fault = {0};
        begin(store);
        (void)kms_store_put(store, KMS_STORE_META, "big", bytes, sizeof bytes, &fault);
        enum kms_status full = kms_store_commit(store, &fault);
        limit.rlim_cur = RLIM_INFINITY;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        begin(store);
        put(store, KMS_STORE_META, "small", "1");
        commit(store);
        expect(store, KMS_STORE_META, "small=1;");
        int count = count_numbers(store);
        kms_store_close(store);
        _exit(full == KMS_EIO && fault.text[0] != '\0' && count == NUMBERS ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct kms_store *store = open_store(place->path);
    expect(store, KMS_STORE_META, "small=1;");
    kms_store_close(store);
}

static void a_place_that_cannot_be_written_to_is_told(void **state)
{
    const struct place *place = *state;
    char path[128];
    struct kms_store *store = NULL;
    struct kms_fault fault = {0};
    kms_text_format(path, sizeof path, "%s/not-there/store", place->folder);
    assert_int_equal(kms_store_open(path, &store, &fault), KMS_EIO);
    assert_non_null(strstr(fault.text, "No such file"));
    assert_int_equal(mkdir(place->path, 0700), 0);
    assert_int_equal(kms_store_open(place->path, &store, &fault), KMS_EIO);
    assert_int_equal(rmdir(place->path), 0);
    /* Nobody may make a file there, whoever it is. */
    assert_int_equal(kms_store_open("/sys/kernel/store", &store, &fault), KMS_EDENIED);
    assert_non_null(strstr(fault.text, "ermi"));
}

static void what_the_system_says_tells_a_full_disk_from_a_missing_permission(void **state)
{
    (void)state;
    assert_int_equal(kms_store_status_of_errno(ENOSPC), KMS_EFULL);
    assert_int_equal(kms_store_status_of_errno(EDQUOT), KMS_EFULL);
    assert_int_equal(kms_store_status_of_errno(EACCES), KMS_EDENIED);
    assert_int_equal(kms_store_status_of_errno(EPERM), KMS_EDENIED);
    assert_int_equal(kms_store_status_of_errno(EROFS), KMS_EDENIED);
    assert_int_equal(kms_store_status_of_errno(EIO), KMS_EIO);
    assert_int_equal(kms_store_status_of_errno(ENOENT), KMS_EIO);
}

/* ---- history ---- */

static struct kms_history_hour hour_at(const char *host, int64_t hour_s, uint32_t count)
{
    struct kms_history_hour hour = {.hour_s = hour_s,
                                    .count_known = true,
                                    .count_last = count,
                                    .count_min = count,
                                    .count_max = count,
                                    .required_client = 25,
                                    .required_server = 5,
                                    .requests_known = true,
                                    .requests = 100,
                                    .failed = 3};
    kms_text_copy(hour.host, sizeof hour.host, host);
    kms_text_copy(hour.key, sizeof hour.key, "Windows");
    return hour;
}

static enum kms_status list_hour(void *arg, const struct kms_history_hour *hour)
{
    return kms_buf_addf(arg, "%lld:%s:%u ", (long long)((hour->hour_s - NOW_S) / HOUR_S), hour->key,
                        hour->count_last);
}

static void expect_hours(struct kms_store *store, const char *host, int64_t from_s, int64_t to_s,
                         const char *wanted)
{
    struct kms_buf text;
    kms_buf_init(&text, 1 << 20);
    assert_int_equal(kms_store_hours(store, host, from_s, to_s, list_hour, &text, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&text), wanted);
    kms_buf_done(&text);
}

static void put_hour(struct kms_store *store, const char *host, int64_t hour, uint32_t count)
{
    struct kms_history_hour value = hour_at(host, NOW_S + hour * HOUR_S, count);
    assert_int_equal(kms_store_put_hour(store, &value, NULL), KMS_OK);
}

static enum kms_status take_hour(void *arg, const struct kms_history_hour *hour)
{
    *(struct kms_history_hour *)arg = *hour;
    return KMS_OK;
}

static void the_same_hour_again_is_joined_with_what_is_there(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    struct kms_history_hour hour = hour_at("a", NOW_S, 30);
    struct kms_history_hour found = {.count_last = 0};
    begin(store);
    assert_int_equal(kms_store_put_hour(store, &hour, NULL), KMS_OK);
    hour.count_last = hour.count_min = hour.count_max = 24;
    hour.requests = 5;
    hour.failed = 0;
    assert_int_equal(kms_store_put_hour(store, &hour, NULL), KMS_OK);
    hour.count_known = hour.requests_known = false;
    hour.required_client = 0;
    assert_int_equal(kms_store_put_hour(store, &hour, NULL), KMS_OK);
    commit(store);
    assert_int_equal(kms_store_hours(store, "a", 0, INT64_MAX, take_hour, &found, NULL), KMS_OK);
    assert_true(found.count_known && found.requests_known);
    assert_int_equal(found.count_last, 24);
    assert_int_equal(found.count_min, 24);
    assert_int_equal(found.count_max, 30);
    assert_int_equal(found.required_client, 25);
    assert_int_equal(found.requests, 105);
    assert_int_equal(found.failed, 3);
    kms_store_close(store);
}

static void hours_of_a_host_are_read_oldest_first(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put_hour(store, "a", -1, 26);
    put_hour(store, "a", -3, 24);
    put_hour(store, "b", -2, 99);
    put_hour(store, "a", -1, 27);
    struct kms_history_hour office = hour_at("a", NOW_S - HOUR_S, 9);
    kms_text_copy(office.key, sizeof office.key, "Office");
    office.requests_known = false;
    assert_int_equal(kms_store_put_hour(store, &office, NULL), KMS_OK);
    commit(store);
    expect_hours(store, "a", 0, INT64_MAX, "-3:Windows:24 -1:Office:9 -1:Windows:27 ");
    expect_hours(store, "a", NOW_S - 2 * HOUR_S, NOW_S, "-1:Office:9 -1:Windows:27 ");
    expect_hours(store, "a", 0, NOW_S - HOUR_S, "-3:Windows:24 ");
    expect_hours(store, "nobody", 0, INT64_MAX, "");
    kms_store_close(store);
}

static void trim_until_done(struct kms_store *store, const struct kms_store_limits *limits)
{
    bool more = true;
    for (int i = 0; more && i < 1000; i++) {
        assert_int_equal(kms_store_trim(store, limits, &more, NULL), KMS_OK);
    }
    assert_false(more);
}

static void old_hours_are_given_away_a_few_at_a_time(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    for (int i = 1; i <= 10; i++) {
        put_hour(store, "a", -i, 25);
    }
    commit(store);
    struct kms_store_limits limits = {.oldest_s = NOW_S - 3 * HOUR_S,
                                      .future_s = NOW_S + 1000 * HOUR_S,
                                      .hours_max = 4,
                                      .size_max = INT64_MAX};
    trim_until_done(store, &limits);
    expect_hours(store, "a", 0, NOW_S - 4 * HOUR_S, "-6:Windows:25 -5:Windows:25 ");
    trim_until_done(store, &limits);
    expect_hours(store, "a", 0, INT64_MAX, "-3:Windows:25 -2:Windows:25 -1:Windows:25 ");
    limits.hours_max = 0;
    limits.oldest_s = NOW_S;
    trim_until_done(store, &limits);
    expect_hours(store, "a", 0, INT64_MAX, "-3:Windows:25 -2:Windows:25 -1:Windows:25 ");
    kms_store_close(store);
}

static void hours_far_ahead_go_and_those_of_a_clock_set_back_stay(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put_hour(store, "a", 0, 1);
    put_hour(store, "a", 500, 2);
    put_hour(store, "a", 90000, 3);
    commit(store);
    const struct kms_store_limits limits = {
        .oldest_s = 0, .future_s = NOW_S + 9600 * HOUR_S, .hours_max = 24, .size_max = INT64_MAX};
    trim_until_done(store, &limits);
    expect_hours(store, "a", 0, INT64_MAX, "0:Windows:1 500:Windows:2 ");
    kms_store_close(store);
}

static void the_oldest_hours_give_way_to_the_size(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put(store, KMS_STORE_META, "a", "1");
    for (int i = 0; i < 200; i++) {
        for (int host = 0; host < 100; host++) {
            char name[32];
            kms_text_format(name, sizeof name, "h%d", host);
            put_hour(store, name, -i, 25);
        }
    }
    commit(store);
    int64_t before = kms_store_size(store);
    const struct kms_store_limits limits = {
        .oldest_s = 0, .future_s = INT64_MAX, .hours_max = 0, .size_max = before / 2};
    trim_until_done(store, &limits);
    assert_true(kms_store_size(store) <= before / 2);
    expect(store, KMS_STORE_META, "a=1;");
    expect_hours(store, "h7", NOW_S - 2 * HOUR_S, INT64_MAX,
                 "-2:Windows:25 -1:Windows:25 0:Windows:25 ");
    kms_store_close(store);
    print_message("%lld bytes for each hour of a series\n", (long long)(before / 20000));
}

static enum kms_status list_host(void *arg, const char *host)
{
    struct kms_buf *text = arg;
    return kms_buf_addf(text, "%s ", host);
}

static void expect_hosts(struct kms_store *store, const char *wanted)
{
    struct kms_buf text;
    kms_buf_init(&text, 1 << 20);
    assert_int_equal(kms_store_hosts(store, list_host, &text, NULL), KMS_OK);
    assert_string_equal(kms_buf_str(&text), wanted);
    kms_buf_done(&text);
}

static void expect_last(struct kms_store *store, const char *host, int64_t wanted_s)
{
    int64_t last_s = 0;
    assert_int_equal(kms_store_last_hour(store, host, &last_s, NULL), KMS_OK);
    assert_int_equal(last_s, wanted_s);
}

static void the_last_hour_of_a_host_is_that_of_any_of_its_series(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    struct kms_history_hour office = hour_at("gone", NOW_S - 5 * HOUR_S, 9);
    kms_text_copy(office.key, sizeof office.key, "Office");
    begin(store);
    put_hour(store, "here", 0, 30);
    put_hour(store, "gone", -9, 30);
    assert_int_equal(kms_store_put_hour(store, &office, NULL), KMS_OK);
    commit(store);
    expect_hosts(store, "gone here ");
    expect_last(store, "here", NOW_S);
    expect_last(store, "gone", NOW_S - 5 * HOUR_S);
    expect_last(store, "nobody", INT64_MIN);
    kms_store_close(store);
}

/* here: asked all the time; gone: not any more; paused: in the middle only. */
static void fill_three(struct kms_store *store)
{
    begin(store);
    for (int i = 0; i <= 20; i++) {
        put_hour(store, "here", -i, 30);
        if (i >= 15) {
            put_hour(store, "gone", -i, 30);
        }
        if (i == 8) {
            put_hour(store, "paused", -i, 30);
        }
    }
    commit(store);
}

static void a_host_is_forgotten_with_its_last_hour(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    fill_three(store);
    struct kms_store_limits limits = {.oldest_s = NOW_S - 15 * HOUR_S,
                                      .future_s = NOW_S + 1000 * HOUR_S,
                                      .hours_max = 24,
                                      .size_max = INT64_MAX};
    trim_until_done(store, &limits);
    expect_hosts(store, "gone here paused ");
    expect_last(store, "gone", NOW_S - 15 * HOUR_S);
    limits.oldest_s += HOUR_S;
    trim_until_done(store, &limits);
    expect_hosts(store, "here paused ");
    limits.oldest_s = NOW_S;
    trim_until_done(store, &limits);
    expect_hosts(store, "here ");
    begin(store); /* it may come back */
    put_hour(store, "gone", 0, 7);
    commit(store);
    expect_hours(store, "gone", 0, INT64_MAX, "0:Windows:7 ");
    limits.oldest_s = NOW_S + HOUR_S;
    trim_until_done(store, &limits);
    expect_hosts(store, "");
    kms_store_close(store);
}

static void a_store_of_an_earlier_release_forgets_hosts_too(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    sqlite3 *db = NULL;
    fill_three(store);
    kms_store_close(store);
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "ALTER TABLE series DROP COLUMN seen", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store = open_store(place->path);
    const struct kms_store_limits limits = {.oldest_s = NOW_S - 10 * HOUR_S,
                                            .future_s = NOW_S + 1000 * HOUR_S,
                                            .hours_max = 24,
                                            .size_max = INT64_MAX};
    trim_until_done(store, &limits);
    expect_hosts(store, "here paused ");
    expect_last(store, "here", NOW_S);
    kms_store_close(store);
}

static void names_that_differ_in_case_alone_are_one_host(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    begin(store);
    put_hour(store, "KMS01.corp", -1, 26);
    put_hour(store, "kms01.corp", -1, 27);
    put_hour(store, "kms01.CORP", 0, 28);
    commit(store);
    expect_hosts(store, "kms01.corp ");
    expect_hours(store, "Kms01.Corp", 0, INT64_MAX, "-1:Windows:27 0:Windows:28 ");
    expect_last(store, "KMS01.CORP", NOW_S);
    kms_store_close(store);
}

/* Earlier releases wrote names as they were configured, and a row for each way to write one. */
static void hours_of_an_earlier_release_are_read_whatever_the_case_of_the_name(void **state)
{
    const struct place *place = *state;
    struct kms_store *store = open_store(place->path);
    struct kms_history_hour hour = {.count_last = 0};
    sqlite3 *db = NULL;
    begin(store);
    put_hour(store, "one", -2, 20);
    put_hour(store, "one", -1, 30);
    put_hour(store, "two", -2, 99);
    commit(store);
    kms_store_close(store);
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE series SET host='ONE' WHERE host='one'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store = open_store(place->path);
    expect_hosts(store, "one two ");
    expect_last(store, "one", NOW_S - HOUR_S);
    struct kms_history_hour office = hour_at("ONE", NOW_S - HOUR_S, 9);
    kms_text_copy(office.key, sizeof office.key, "Office");
    begin(store);
    put_hour(store, "One", -1, 24);
    put_hour(store, "one", 0, 25);
    assert_int_equal(kms_store_put_hour(store, &office, NULL), KMS_OK);
    commit(store);
    expect_hosts(store, "one two ");
    expect_hours(store, "oNe", 0, INT64_MAX,
                 "-2:Windows:20 -1:Office:9 -1:Windows:24 0:Windows:25 ");
    assert_int_equal(kms_store_hours(store, "one", NOW_S - HOUR_S, NOW_S, take_hour, &hour, NULL),
                     KMS_OK);
    assert_string_equal(hour.key, "Windows");
    assert_int_equal(hour.count_min, 24);
    assert_int_equal(hour.count_max, 30);
    assert_int_equal(hour.requests, 2 * office.requests);
    expect_last(store, "ONE", NOW_S);
    kms_store_close(store);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(records_are_there_after_reopening_in_the_order_of_names),
        IN_PLACE(the_file_is_not_for_others),
        IN_PLACE(what_is_removed_or_rolled_back_is_not_there),
        IN_PLACE(a_record_that_is_too_long_is_refused),
        IN_PLACE(a_store_has_one_user_at_a_time),
        IN_PLACE(what_was_committed_survives_a_kill),
        IN_PLACE(bytes_that_flip_anywhere_never_make_a_wrong_number),
        IN_PLACE(a_file_that_was_cut_off_gives_what_is_left),
        IN_PLACE(a_first_page_of_zeros_costs_no_number),
        IN_PLACE(a_file_of_something_else_is_damage),
        IN_PLACE(stores_that_are_set_aside_do_not_pile_up),
        IN_PLACE(hours_of_a_damaged_file_are_taken_over),
        IN_PLACE(a_rebuild_that_was_cut_off_is_finished),
        IN_PLACE(what_others_do_to_the_file_is_noticed),
        IN_PLACE(a_full_disk_is_told_and_what_was_there_stays),
        IN_PLACE(a_place_that_cannot_be_written_to_is_told),
        IN_PLACE(what_the_system_says_tells_a_full_disk_from_a_missing_permission),
        IN_PLACE(hours_of_a_host_are_read_oldest_first),
        IN_PLACE(the_same_hour_again_is_joined_with_what_is_there),
        IN_PLACE(old_hours_are_given_away_a_few_at_a_time),
        IN_PLACE(hours_far_ahead_go_and_those_of_a_clock_set_back_stay),
        IN_PLACE(the_oldest_hours_give_way_to_the_size),
        IN_PLACE(the_last_hour_of_a_host_is_that_of_any_of_its_series),
        IN_PLACE(a_host_is_forgotten_with_its_last_hour),
        IN_PLACE(names_that_differ_in_case_alone_are_one_host),
        IN_PLACE(hours_of_an_earlier_release_are_read_whatever_the_case_of_the_name),
        IN_PLACE(a_store_of_an_earlier_release_forgets_hosts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
