/* What the files of the store share. */
#ifndef KMS_STORE_STORE_PARTS_H
#define KMS_STORE_STORE_PARTS_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/store.h"

enum kms_store_statement {
    KMS_STORE_BEGIN,
    KMS_STORE_COMMIT,
    KMS_STORE_ROLLBACK,
    KMS_STORE_PUT,
    KMS_STORE_REMOVE,
    KMS_STORE_WIPE,
    KMS_STORE_EACH,
    KMS_STORE_SERIES,
    KMS_STORE_ADD_SERIES,
    KMS_STORE_PUT_HOUR,
    KMS_STORE_KEEP_HOUR,
    KMS_STORE_SERIES_OF,
    KMS_STORE_HOUR_OF,
    KMS_STORE_NEXT_HOUR,
    KMS_STORE_HOUR_BEFORE,
    KMS_STORE_HOSTS,
    KMS_STORE_FADED,
    KMS_STORE_SET_SEEN,
    KMS_STORE_DROP_SERIES,
    KMS_STORE_ROWS_OF_HOUR,
    KMS_STORE_OLDEST,
    KMS_STORE_NEWEST,
    KMS_STORE_DROP_HOURS,
    KMS_STORE_DROP_FUTURE,
    KMS_STORE_STATEMENTS
};

#define KMS_STORE_ANEW ".anew" /* behind the path, of a store that is to take its place */

/* What a file looked like when we last had to do with it. */
struct kms_store_stamp {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec mtime;
};

struct kms_store {
    sqlite3 *db;
    char *path, *wal_path;
    sqlite3_stmt *statement[KMS_STORE_STATEMENTS];
    bool in_batch;
    struct kms_store_stamp file, wal;
};

/* The statement, made when it is first needed, and ready to be bound. */
enum kms_status kms_store_statement(struct kms_store *store, enum kms_store_statement which,
                                    sqlite3_stmt **ret, struct kms_fault *fault);
/* Steps a statement that gives no rows, and lets go of what was bound to it. */
enum kms_status kms_store_run(struct kms_store *store, sqlite3_stmt *statement,
                              struct kms_fault *fault);
/* What an errno of the file's folder or disk means. */
enum kms_status kms_store_status_of_errno(int error);
enum kms_status kms_store_refuse(const struct kms_store *store, int code, struct kms_fault *fault);
/* Gives unused pages back to the disk, a part of them at a time. */
enum kms_status kms_store_shrink(struct kms_store *store, struct kms_fault *fault);
int64_t kms_store_pragma(struct kms_store *store, const char *sql);
/* Of all that a record consists of. */
int64_t kms_store_sum(int64_t kind, const char *name, size_t name_len, const void *bytes,
                      size_t len);
/* Puts an hour; keep: unless it is there. */
enum kms_status kms_store_add_hour(struct kms_store *store, const struct kms_history_hour *hour,
                                   bool keep, struct kms_fault *fault);

/* Calls for each record of kind KMS_STORE_NUMBER on a page, whoever it belongs to, whose sum is
 * right. */
void kms_store_scan_pages(const uint8_t *page, size_t size, kms_store_row_fn *row, void *arg);

#endif
