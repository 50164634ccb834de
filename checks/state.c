/* Reads and writes the request windows of one host. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "model/sample.h"
#include "model/judge.h"

#define STATE_SIZE_MAX ((size_t)1024 * 1024)
#define STATE_PATH_MAX 1024
#define STATE_MAGIC    "kmsmon-windows 2"
#define STATE_OLD      "kmsmon-windows 1" /* samples by the wall clock, and nothing else */
#define STATE_MODE     0600U
#define STATE_DIR_MODE 0750

struct key_window {
    char identity[KMS_KEY_IDENTITY_SIZE];
    struct kms_window window;
};

struct kms_windows {
    char boot[KMS_BOOT_SIZE];
    char path[STATE_PATH_MAX]; /* "": in memory only */
    char note[600];
    uint64_t owner; /* of host, report and user: a file made for another trio is not believed */
    bool changed;
    size_t count;
    struct key_window key[KMS_KEYS_MAX];
};

/* FNV-1a: tells files apart, protects nothing. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    size_t len = strlen(text) + 1; /* with its zero, so that "a","bc" and "ab","c" differ */

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static void sanitise(const char *host, char *dst, size_t size)
{
    size_t at = 0;

    for (const char *p = host; *p != '\0' && at + 1 < size; p++) {
        bool fine = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '-' || (*p == '.' && at > 0);
        dst[at++] = (char)(fine ? *p : '_');
    }
    dst[at] = '\0';
}

/* ---- reading ---- */

struct reading {
    struct kms_windows *windows;
    const struct kms_now *now;
    const char *text;       /* all of it */
    struct key_window *key; /* of the last key line */
    bool old, owned, ended;
    int64_t wall_s; /* of the last sample of an old file */
};

static bool next_u64(struct kms_rd *line, uint64_t *ret)
{
    char word[32];

    return kms_rd_word(line, word, sizeof(word)) && kms_text_u64(word, ret);
}

static bool next_time(struct kms_rd *line, int64_t *ret)
{
    char word[32];

    return kms_rd_word(line, word, sizeof(word)) && kms_text_i64(word, ret) && *ret >= 0;
}

static struct key_window *read_identity(struct kms_windows *windows, struct kms_rd *line)
{
    struct key_window *key;
    const uint8_t *rest;
    size_t len = kms_rd_left(line);

    if (windows->count == KMS_COUNT_OF(windows->key) || len == 0 || len >= sizeof(key->identity) ||
        !kms_rd_span(line, len, &rest)) {
        return NULL;
    }
    key = &windows->key[windows->count++];
    memcpy(key->identity, rest, len);
    key->identity[len] = '\0';
    key->window = (struct kms_window){.count = 0};
    return key;
}

static bool read_old_key(struct reading *reading, struct kms_rd *line)
{
    int64_t discontinuity_s;

    if (!next_time(line, &discontinuity_s)) {
        return false;
    }
    reading->key = read_identity(reading->windows, line);
    reading->wall_s = -1;
    if (reading->key == NULL) {
        return false;
    }
    reading->key->window.discontinuity_s = discontinuity_s;
    return true;
}

/* As if each had come at its time. */
static bool read_old_sample(struct reading *reading, struct kms_rd *line)
{
    struct kms_window_reading sample = {.now = *reading->now};
    uint64_t total, failed;
    int64_t discontinuity_s;

    if (reading->key == NULL || !next_time(line, &sample.data_s) ||
        !next_u64(line, &sample.fingerprint) || !next_u64(line, &total) ||
        !next_u64(line, &failed) || kms_rd_left(line) != 0 || total > UINT32_MAX ||
        failed > UINT32_MAX || sample.data_s <= reading->wall_s) {
        return false;
    }
    reading->wall_s = sample.data_s;
    sample.now.wall_s = sample.data_s;
    sample.now.steady_s += sample.data_s - reading->now->wall_s;
    sample.total = (uint32_t)total;
    sample.failed = (uint32_t)failed;
    discontinuity_s = reading->key->window.discontinuity_s;
    return kms_window_add(&reading->key->window, &sample, INT64_MAX / 2) == KMS_OK &&
           reading->key->window.discontinuity_s == discontinuity_s;
}

/* The window's own lines follow the key's. */
static bool read_key(struct reading *reading, struct kms_rd *line, struct kms_rd *text)
{
    struct key_window *key = read_identity(reading->windows, line);
    size_t used;

    return key != NULL &&
           kms_window_read(reading->text + text->at, kms_rd_left(text), reading->now,
                           reading->windows->boot, &key->window, &used, NULL) == KMS_OK &&
           kms_rd_skip(text, used);
}

static bool read_head(struct reading *reading, struct kms_rd *line)
{
    reading->old = kms_rd_match(line, STATE_OLD, strlen(STATE_OLD));
    return (reading->old || kms_rd_match(line, STATE_MAGIC, strlen(STATE_MAGIC))) &&
           kms_rd_left(line) == 0;
}

/* text: behind the line. */
static bool read_line(struct reading *reading, struct kms_rd line, size_t number,
                      struct kms_rd *text)
{
    char word[32];
    uint64_t value;

    if (number == 1) {
        return read_head(reading, &line);
    }
    if (reading->ended || !kms_rd_word(&line, word, sizeof(word))) {
        return false;
    }
    if (kms_text_equal(word, "owner")) {
        reading->owned = next_u64(&line, &value) && value == reading->windows->owner;
        return reading->owned;
    }
    if (kms_text_equal(word, "key")) {
        return reading->old ? read_old_key(reading, &line) : read_key(reading, &line, text);
    }
    if (reading->old && kms_text_equal(word, "sample")) {
        return read_old_sample(reading, &line);
    }
    if (kms_text_equal(word, "end")) {
        reading->ended = true;
        return kms_rd_left(&line) == 0;
    }
    return false;
}

static void forget_all(struct kms_windows *windows)
{
    for (size_t i = 0; i < windows->count; i++) {
        kms_window_done(&windows->key[i].window);
    }
    windows->count = 0;
}

static void read_text(struct kms_windows *windows, const struct kms_buf *text,
                      const struct kms_now *now)
{
    struct reading reading = {.windows = windows, .now = now, .text = kms_buf_str(text)};
    struct kms_rd rd = kms_rd_over(kms_buf_str(text), text->len);
    const char *line;
    size_t len, number = 0;

    while (kms_rd_line(&rd, &line, &len)) {
        number++;
        if (!read_line(&reading, kms_rd_over(line, len), number, &rd)) {
            forget_all(windows);
            kms_text_format(windows->note, sizeof(windows->note),
                            "the state file '%s' is damaged (line %zu): the window starts again",
                            windows->path, number);
            return;
        }
    }
    if (!reading.owned || !reading.ended) {
        forget_all(windows);
        kms_text_format(windows->note, sizeof(windows->note),
                        "the state file '%s' is incomplete: the window starts again",
                        windows->path);
    }
}

/* O_NONBLOCK: a FIFO in its place must not hold the plugin. */
static int open_ours(struct kms_windows *windows, unsigned user)
{
    struct stat st;
    int fd = open(windows->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        if (errno == ELOOP) {
            kms_text_format(windows->note, sizeof(windows->note),
                            "the state file '%s' was a symbolic link: the window starts again",
                            windows->path);
        } else if (errno != ENOENT) {
            kms_text_format(windows->note, sizeof(windows->note),
                            "the state file '%s' cannot be read (%s): the window starts again",
                            windows->path, strerror(errno));
        }
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != user) {
        kms_text_format(windows->note, sizeof(windows->note),
                        "'%s' is not a file of this user: the window starts again", windows->path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void load(struct kms_windows *windows, unsigned user, const struct kms_now *now)
{
    struct kms_buf text;
    int fd = open_ours(windows, user);

    if (fd < 0) {
        return;
    }
    kms_buf_init(&text, STATE_SIZE_MAX);
    if (kms_file_read_fd(fd, &text) == KMS_OK) {
        read_text(windows, &text, now);
    } else {
        kms_text_format(windows->note, sizeof(windows->note),
                        "the state file '%s' cannot be read: the window starts again",
                        windows->path);
    }
    kms_buf_done(&text);
    (void)close(fd);
}

struct kms_windows *kms_windows_open(const char *dir, const char *host, const char *report,
                                     unsigned user, const struct kms_now *now)
{
    struct kms_windows *windows = calloc(1, sizeof(*windows));
    char name[80], number[32];

    if (windows == NULL) {
        return NULL;
    }
    kms_clock_boot(windows->boot);
    kms_text_format(number, sizeof(number), "%u", user);
    windows->owner = hash_text(UINT64_C(0xcbf29ce484222325), host);
    windows->owner = hash_text(windows->owner, report);
    windows->owner = hash_text(windows->owner, number);
    if (dir == NULL) {
        return windows;
    }
    sanitise(host, name, sizeof(name));
    if (!kms_text_format(windows->path, sizeof(windows->path), "%s/%s-%016" PRIx64 ".windows", dir,
                         name[0] != '\0' ? name : "host", windows->owner)) {
        windows->path[0] = '\0';
        kms_text_copy(windows->note, sizeof(windows->note),
                      "no window is kept: the name of the state directory is too long");
        return windows;
    }
    load(windows, user, now);
    return windows;
}

/* Existing is as good as created: two checks may start at once. */
static bool make_folder(const char *path)
{
    return mkdir(path, STATE_DIR_MODE) == 0 || errno == EEXIST;
}

bool kms_windows_make_dir(const char *dir)
{
    char above[STATE_PATH_MAX];
    const char *slash = strrchr(dir, '/');

    if (make_folder(dir)) {
        return true;
    }
    if (errno != ENOENT || slash == NULL || slash == dir ||
        !kms_text_format(above, sizeof(above), "%.*s", (int)(slash - dir), dir)) {
        return false;
    }
    return make_folder(above) && make_folder(dir);
}

void kms_windows_free(struct kms_windows *windows)
{
    if (windows == NULL) {
        return;
    }
    forget_all(windows);
    free(windows);
}

/* ---- samples ---- */

static struct key_window *find(struct kms_windows *windows, const char *identity)
{
    for (size_t i = 0; i < windows->count; i++) {
        if (kms_text_equal(windows->key[i].identity, identity)) {
            return &windows->key[i];
        }
    }
    return NULL;
}

/* A place for a new key; the one that was silent for longest gives way when all are taken. */
static struct key_window *place(struct kms_windows *windows, const char *identity)
{
    struct key_window *key = &windows->key[0];

    if (windows->count < KMS_COUNT_OF(windows->key)) {
        key = &windows->key[windows->count++];
    } else {
        int64_t oldest = INT64_MAX;
        for (size_t i = 0; i < windows->count; i++) {
            const struct kms_window *window = &windows->key[i].window;
            if (window->arrived.steady_s < oldest) {
                oldest = window->arrived.steady_s;
                key = &windows->key[i];
            }
        }
    }
    kms_window_done(&key->window);
    kms_text_copy(key->identity, sizeof(key->identity), identity);
    return key;
}

bool kms_windows_add(struct kms_windows *windows, const struct kms_result *result,
                     const struct kms_now *now, int64_t keep_s)
{
    for (size_t i = 0; i < result->key_count; i++) {
        const struct kms_facts *facts = &result->key[i];
        struct kms_window_reading reading;
        char identity[KMS_KEY_IDENTITY_SIZE];
        struct key_window *key;

        if (!kms_sample_of(result, facts, now, &reading)) {
            continue;
        }
        kms_key_identity(facts, identity, sizeof(identity));
        if (identity[0] == '\0') {
            continue;
        }
        key = find(windows, identity);
        if (key == NULL) {
            key = place(windows, identity);
        }
        key->window.changed = false;
        if (kms_window_add(&key->window, &reading, keep_s) != KMS_OK) {
            return false;
        }
        windows->changed = windows->changed || key->window.changed;
    }
    return true;
}

const struct kms_window *kms_windows_find(void *arg, const char *identity)
{
    const struct key_window *key = find(arg, identity);

    return key != NULL ? &key->window : NULL;
}

/* ---- writing ---- */

static enum kms_status render(const struct kms_windows *windows, const struct kms_now *now,
                              struct kms_buf *text)
{
    enum kms_status status = kms_buf_addf(text, STATE_MAGIC "\nowner %" PRIu64 "\n",
                                          windows->owner);

    for (size_t i = 0; i < windows->count && status == KMS_OK; i++) {
        const struct key_window *key = &windows->key[i];
        status = kms_buf_addf(text, "key %s\n", key->identity);
        if (status == KMS_OK) {
            status = kms_window_write(&key->window, now, windows->boot, text);
        }
    }
    return status == KMS_OK ? kms_buf_add_str(text, "end\n") : status;
}

bool kms_windows_save(struct kms_windows *windows, const struct kms_now *now)
{
    struct kms_buf text;
    struct kms_fault fault = {.text = "out of memory"};
    enum kms_status status;

    if (windows->path[0] == '\0') {
        return false;
    }
    if (!windows->changed) {
        return true;
    }
    kms_buf_init(&text, STATE_SIZE_MAX);
    status = render(windows, now, &text);
    if (status == KMS_OK) {
        status = kms_file_replace(windows->path, kms_buf_str(&text), text.len, STATE_MODE, &fault);
    }
    kms_buf_done(&text);
    if (status != KMS_OK) {
        kms_text_format(windows->note, sizeof(windows->note), "no window is kept: %s", fault.text);
        return false;
    }
    windows->changed = false;
    return true;
}

const char *kms_windows_note(const struct kms_windows *windows)
{
    return windows->note;
}

const char *kms_windows_path(const struct kms_windows *windows)
{
    return windows->path;
}
