/* A store that cannot be used is kept under another name, and what of it can be read goes into the
 * new one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "store/store_parts.h"

#define PATH_MAX_BYTES 4096
#define HOURS_MAX      20000              /* salvaged in one transaction */
#define SCAN_MAX       ((size_t)64 << 20) /* of a file that is looked through page by page */
#define PAGE_SIZE      4096

/* ---- setting aside ---- */

static const char *const parts[] = {"", "-wal", "-shm", "-journal"};

static bool aside_name(char *dst, const char *path, int number, const char *part)
{
    return kms_text_format(dst, PATH_MAX_BYTES, "%s.corrupt-%d%s", path, number, part);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* All that belongs to a store keeps belonging together. */
static enum kms_status move(const char *from, const char *to, struct kms_fault *fault)
{
    char old_name[PATH_MAX_BYTES];
    char new_name[PATH_MAX_BYTES];
    for (size_t i = 0; i < KMS_COUNT_OF(parts); i++) {
        if (!kms_text_format(old_name, sizeof old_name, "%s%s", from, parts[i]) ||
            !kms_text_format(new_name, sizeof new_name, "%s%s", to, parts[i])) {
            return kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: the path is too long", from);
        }
        (void)unlink(new_name);
        if (rename(old_name, new_name) != 0 && errno != ENOENT) {
            return kms_fault_set(fault, kms_store_status_of_errno(errno), 0, "%.120s: %s", old_name,
                                 strerrordesc_np(errno));
        }
    }
    return KMS_OK;
}

/* Makes the last number free: the others move down and the first one goes. */
static enum kms_status shift(const char *path, struct kms_fault *fault)
{
    char from[PATH_MAX_BYTES];
    char to[PATH_MAX_BYTES];
    enum kms_status status = KMS_OK;
    for (int i = 2; status == KMS_OK && i <= KMS_STORE_ASIDE_MAX; i++) {
        status = aside_name(from, path, i, "") && aside_name(to, path, i - 1, "")
                     ? move(from, to, fault)
                     : kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: the path is too long", path);
    }
    return status;
}

enum kms_status kms_store_set_aside(const char *path, char *ret, size_t size,
                                    struct kms_fault *fault)
{
    char name[PATH_MAX_BYTES];
    int number = 1;
    while (number <= KMS_STORE_ASIDE_MAX && aside_name(name, path, number, "") && is_there(name)) {
        number++;
    }
    enum kms_status status = KMS_OK;
    if (number > KMS_STORE_ASIDE_MAX) {
        number = KMS_STORE_ASIDE_MAX;
        status = shift(path, fault);
    }
    if (status == KMS_OK && !aside_name(name, path, number, "")) {
        status = kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: the path is too long", path);
    }
    if (status == KMS_OK) {
        status = move(path, name, fault);
    }
    if (status == KMS_OK && !kms_text_copy(ret, size, name)) {
        status = kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: the path is too long", path);
    }
    return status;
}

/* ---- records ---- */

struct salvage {
    struct kms_store *to;
    enum kms_store_kind kind;
    uint64_t count;
    enum kms_status status; /* of the new store */
    struct kms_fault *fault;
};

static void take(void *arg, const char *name, const char *bytes, size_t len)
{
    struct salvage *salvage = arg;
    if (salvage->status != KMS_OK || len > KMS_STORE_BYTES_MAX ||
        strlen(name) > KMS_STORE_NAME_MAX) {
        return;
    }
    salvage->status = kms_store_put(salvage->to, salvage->kind, name, bytes, len, salvage->fault);
    salvage->count++;
}

/* From one end until something cannot be read. Records whose sums are wrong are left out. */
static void take_from_end(struct salvage *salvage, struct kms_store *from, const char *text)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(from->db, text, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_int(statement, 1, (int)salvage->kind) != SQLITE_OK) {
        (void)sqlite3_finalize(statement);
        return;
    }
    while (salvage->status == KMS_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        size_t name_len = (size_t)sqlite3_column_bytes(statement, 0);
        const char *bytes = sqlite3_column_blob(statement, 1);
        size_t len = (size_t)sqlite3_column_bytes(statement, 1);
        if (name && strlen(name) == name_len &&
            kms_store_sum((int64_t)salvage->kind, name, name_len, bytes, len) ==
                sqlite3_column_int64(statement, 2)) {
            take(salvage, name, bytes ? bytes : "", len);
        }
    }
    (void)sqlite3_finalize(statement);
}

/* From both ends, by the index and past it: one bad page costs what is on it. A record that is met
 * again is the same one. */
static const char *const ways[] = {
    "SELECT name, bytes, sum FROM record WHERE kind=?1 ORDER BY name",
    "SELECT name, bytes, sum FROM record WHERE kind=?1 ORDER BY name DESC",
    "SELECT name, bytes, sum FROM record NOT INDEXED WHERE kind=?1 ORDER BY rowid",
    "SELECT name, bytes, sum FROM record NOT INDEXED WHERE kind=?1 ORDER BY rowid DESC"};

static enum kms_status take_records(struct salvage *salvage, const char *path)
{
    struct kms_store *from = NULL;
    enum kms_status opened = kms_store_open_to_read(path, &from, NULL);
    for (size_t i = 0; opened == KMS_OK && i < KMS_COUNT_OF(ways); i++) {
        take_from_end(salvage, from, ways[i]);
    }
    kms_store_close(from);
    return salvage->status;
}

/* Numbers never change, so any page that ever held one is as good as another. */
static void take_pages(struct salvage *salvage, const char *path, const char *part,
                       size_t first_page, size_t stride)
{
    char name[PATH_MAX_BYTES];
    struct kms_buf bytes;
    struct kms_file_stamp stamp;
    kms_buf_init(&bytes, SCAN_MAX);
    if (kms_text_format(name, sizeof name, "%s%s", path, part) &&
        kms_file_read(name, &bytes, &stamp, NULL) == KMS_OK) {
        const uint8_t *data = (const uint8_t *)bytes.data;
        for (size_t at = first_page; at + PAGE_SIZE <= bytes.len; at += stride) {
            kms_store_scan_pages(data + at, PAGE_SIZE, take, salvage);
        }
    }
    kms_buf_done(&bytes);
}

#define WAL_HEADER   32
#define FRAME_HEADER 24

static enum kms_status take_kind(struct kms_store *store, const char *path,
                                 enum kms_store_kind kind, struct kms_fault *fault)
{
    struct salvage salvage = {.to = store, .kind = kind, .status = KMS_OK, .fault = fault};
    enum kms_status status = kms_store_begin(store, fault);
    if (status != KMS_OK) {
        return status;
    }
    if (kind == KMS_STORE_NUMBER) {
        take_pages(&salvage, path, "", 0, PAGE_SIZE);
        take_pages(&salvage, path, "-wal", WAL_HEADER + FRAME_HEADER, PAGE_SIZE + FRAME_HEADER);
    }
    status = take_records(&salvage, path);
    if (status != KMS_OK) {
        kms_store_rollback(store);
        return status;
    }
    return kms_store_commit(store, fault);
}

static void count_row(void *arg, const char *name, const char *bytes, size_t len)
{
    (void)name;
    (void)bytes;
    (void)len;
    (*(uint64_t *)arg)++;
}

enum kms_status kms_store_salvage_records(struct kms_store *store, const char *path,
                                          struct kms_store_salvage *ret, struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    for (int i = 1; status == KMS_OK && i <= KMS_STORE_KIND_MAX; i++) {
        enum kms_store_kind kind = (enum kms_store_kind)i;
        uint64_t count = 0;
        status = take_kind(store, path, kind, fault);
        if (status == KMS_OK) {
            status = kms_store_each(store, kind, count_row, &count, fault);
        }
        ret->record[i] = count;
    }
    return status;
}

static enum kms_status fill_anew(const char *path, const char *damaged,
                                 struct kms_store_salvage *ret, struct kms_fault *fault)
{
    struct kms_store *store = NULL;
    char name[PATH_MAX_BYTES];
    for (size_t i = 0; i < KMS_COUNT_OF(parts); i++) {
        if (kms_text_format(name, sizeof name, "%s%s", path, parts[i])) {
            (void)unlink(name); /* of an earlier try */
        }
    }
    enum kms_status status = kms_store_open(path, &store, fault);
    if (status == KMS_OK) {
        status = kms_store_salvage_records(store, damaged, ret, fault);
        kms_store_close(store);
    }
    return status;
}

enum kms_status kms_store_rebuild(const char *path, char *ret_aside, size_t size,
                                  struct kms_store_salvage *ret, struct kms_fault *fault)
{
    char anew[PATH_MAX_BYTES];
    if (!kms_text_format(anew, sizeof anew, "%s" KMS_STORE_ANEW, path)) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: the path is too long", path);
    }
    enum kms_status status = fill_anew(anew, path, ret, fault);
    if (status == KMS_OK) {
        status = kms_store_set_aside(path, ret_aside, size, fault);
    }
    return status == KMS_OK ? move(anew, path, fault) : status;
}

/* ---- hours ---- */

struct hours {
    struct kms_store *to;
    struct kms_fault *fault;
    uint64_t count;
    int64_t last_s;
    bool refused; /* by the new store */
};

/* Ends at the end of an hour, so that the next part begins at the beginning of one. */
static enum kms_status take_hour(void *arg, const struct kms_history_hour *hour)
{
    struct hours *hours = arg;
    if (hours->count >= HOURS_MAX && hour->hour_s != hours->last_s) {
        return KMS_EBUSY;
    }
    enum kms_status status = kms_store_add_hour(hours->to, hour, true, hours->fault);
    hours->refused = status != KMS_OK;
    hours->count++;
    hours->last_s = hour->hour_s;
    return status;
}

enum kms_status kms_store_salvage_hours(struct kms_store *store, const char *path, int64_t *at_s,
                                        struct kms_store_salvage *ret, struct kms_fault *fault)
{
    struct kms_store *from = NULL;
    struct hours hours = {.to = store, .fault = fault, .last_s = INT64_MIN};
    if (kms_store_open_to_read(path, &from, NULL) != KMS_OK) {
        *at_s = INT64_MAX;
        return KMS_OK;
    }
    enum kms_status status = kms_store_begin(store, fault);
    enum kms_status read = KMS_OK;
    if (status == KMS_OK) {
        read = kms_store_hours(from, NULL, *at_s, INT64_MAX, take_hour, &hours, NULL);
        status = hours.refused ? read : kms_store_commit(store, fault);
    }
    kms_store_rollback(store);
    kms_store_close(from);
    if (status == KMS_OK) {
        ret->hours += hours.count;
        *at_s = hours.count > 0 && read != KMS_OK ? hours.last_s + 1 : INT64_MAX;
    }
    return status;
}
