/* The store's file: opening it for one process alone, transactions, and records with their sums. */
#include "store/store.h"

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

#define FILE_MODE      0640
#define BUSY_MS        2000
#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x4B4D5331 /* "KMS1", for file(1) */
#define PATH_MAX_BYTES 8192

/* seen: an hour that the series was seen to have. host is in lower case; earlier releases wrote it
 * as it was configured, so it is read whatever its case. Records are found by kind and name; hours
 * lie in the order of time, so that an hour of all hosts is appended to the end and the oldest are
 * cut off at the front. */
static const char schema[] =
    "PRAGMA auto_vacuum=INCREMENTAL;"
    "PRAGMA application_id=1263358769;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE record(kind INTEGER NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL,"
    " sum INTEGER NOT NULL, UNIQUE(kind, name));"
    "CREATE TABLE series(id INTEGER PRIMARY KEY, host TEXT NOT NULL, key TEXT NOT NULL,"
    " seen INTEGER, UNIQUE(host, key));"
    "CREATE TABLE hour(hour INTEGER NOT NULL, series INTEGER NOT NULL, last INTEGER, low INTEGER,"
    " high INTEGER, client INTEGER, server INTEGER, requests INTEGER, failed INTEGER,"
    " PRIMARY KEY(hour, series)) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT;";

/* FULL: what commit let go is on the disk, whatever happens to the power then. EXCLUSIVE: no memory
 * of the file is shared, so nobody can cut it off under us. */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA cache_size=-2000;"
                               "PRAGMA journal_size_limit=4194304;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA trusted_schema=OFF;";

static const char *const sql[KMS_STORE_STATEMENTS] = {
    [KMS_STORE_BEGIN] = "BEGIN IMMEDIATE",
    [KMS_STORE_COMMIT] = "COMMIT",
    [KMS_STORE_ROLLBACK] = "ROLLBACK",
    [KMS_STORE_PUT] = ("INSERT INTO record(kind, name, bytes, sum) VALUES(?1, ?2, ?3, ?4)"
                       " ON CONFLICT(kind, name) DO UPDATE SET bytes=?3, sum=?4"),
    [KMS_STORE_REMOVE] = "DELETE FROM record WHERE kind=?1 AND name=?2",
    [KMS_STORE_WIPE] = "DELETE FROM record WHERE kind=?1",
    [KMS_STORE_EACH] = "SELECT name, bytes, sum FROM record WHERE kind=?1 ORDER BY name",
    [KMS_STORE_SERIES] = "SELECT id FROM series WHERE host=lower(?1) AND key=?2",
    [KMS_STORE_ADD_SERIES] = "INSERT INTO series(host, key) VALUES(lower(?1), ?2)",
    [KMS_STORE_PUT_HOUR] = ("INSERT INTO hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                            " ON CONFLICT(hour, series) DO UPDATE SET last=coalesce(?3, last),"
                            " low=min(coalesce(low, ?4), coalesce(?4, low)),"
                            " high=max(coalesce(high, ?5), coalesce(?5, high)),"
                            " client=coalesce(?6, client), server=coalesce(?7, server),"
                            " requests=iif(?8 IS NULL, requests,"
                            " min(coalesce(requests, 0) + ?8, 4294967295)),"
                            " failed=iif(?9 IS NULL, failed,"
                            " min(coalesce(failed, 0) + ?9, 4294967295))"),
    [KMS_STORE_KEEP_HOUR] = "INSERT OR IGNORE INTO hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [KMS_STORE_SERIES_OF] =
        "SELECT id, key FROM series WHERE lower(host)=lower(?1) ORDER BY key, id",
    [KMS_STORE_HOUR_OF] = ("SELECT last, low, high, client, server, requests, failed FROM hour"
                           " WHERE hour=?1 AND series=?2"),
    [KMS_STORE_NEXT_HOUR] = "SELECT hour FROM hour WHERE hour>=?1 ORDER BY hour LIMIT 1",
    [KMS_STORE_HOUR_BEFORE] = "SELECT hour FROM hour WHERE hour<?1 ORDER BY hour DESC LIMIT 1",
    [KMS_STORE_HOSTS] = "SELECT DISTINCT lower(host) FROM series ORDER BY 1",
    [KMS_STORE_FADED] = "SELECT id FROM series WHERE seen IS NULL OR seen<?1 ORDER BY id LIMIT ?2",
    [KMS_STORE_SET_SEEN] = "UPDATE series SET seen=?2 WHERE id=?1",
    [KMS_STORE_DROP_SERIES] = "DELETE FROM series WHERE id=?1",
    [KMS_STORE_ROWS_OF_HOUR] =
        ("SELECT last, low, high, client, server, requests, failed, host, key"
         " FROM hour JOIN series ON series.id=hour.series WHERE hour=?1"),
    [KMS_STORE_OLDEST] = "SELECT hour FROM hour ORDER BY hour LIMIT 1",
    [KMS_STORE_NEWEST] = "SELECT hour FROM hour ORDER BY hour DESC LIMIT 1",
    [KMS_STORE_DROP_HOURS] = "DELETE FROM hour WHERE hour<?1",
    [KMS_STORE_DROP_FUTURE] = "DELETE FROM hour WHERE hour>=?1",
};

int64_t kms_store_sum(int64_t kind, const char *name, size_t name_len, const void *bytes,
                      size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037) ^ (uint64_t)kind;
    for (size_t i = 0; i <= name_len; i++) {
        sum = (sum ^ (i < name_len ? (uint8_t)name[i] : 0)) * UINT64_C(1099511628211);
    }
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    }
    sum = (sum ^ sum >> 31) * UINT64_C(0x9E3779B97F4A7C15);
    return (int64_t)(sum ^ sum >> 29);
}

/* ---- what went wrong ---- */

enum kms_status kms_store_status_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return KMS_EFULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return KMS_EDENIED;
    default:
        return KMS_EIO;
    }
}

static enum kms_status status_of(int code, int error)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return KMS_OK;
    case SQLITE_NOMEM:
        return KMS_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return KMS_EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT: /* every constraint is kept by the statements: a broken index */
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: /* every statement is right: the tables are not ours */
        return KMS_ESYNTAX;
    case SQLITE_TOOBIG:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return KMS_ETOOBIG;
    case SQLITE_FULL:
        return KMS_EFULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return KMS_EDENIED;
    default:
        return kms_store_status_of_errno(error);
    }
}

enum kms_status kms_store_refuse(const struct kms_store *store, int code, struct kms_fault *fault)
{
    int error = sqlite3_system_errno(store->db);
    enum kms_status status = status_of(code, error);
    /* With other codes it is that of an earlier call. */
    bool is_of_system = (code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN;
    const char *why = is_of_system && error != 0 ? strerrordesc_np(error) : NULL;
    if (why) {
        return kms_fault_set(fault, status, 0, "%.120s: %s (%s)", store->path, sqlite3_errstr(code),
                             why);
    }
    return kms_fault_set(fault, status, 0, "%.120s: %s", store->path, sqlite3_errstr(code));
}

static enum kms_status corrupt(const struct kms_store *store, const char *why,
                               struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ESYNTAX, 0, "%.120s: %s", store->path, why);
}

/* ---- whose file it is ---- */

static struct kms_store_stamp stamp_of(const char *path)
{
    struct stat st;
    struct kms_store_stamp stamp = {0};
    if (stat(path, &st) == 0) {
        stamp = (struct kms_store_stamp){.there = true,
                                         .device = st.st_dev,
                                         .inode = st.st_ino,
                                         .size = st.st_size,
                                         .mtime = st.st_mtim};
    }
    return stamp;
}

static bool is_same(const struct kms_store_stamp *a, const struct kms_store_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void look(struct kms_store *store)
{
    store->file = stamp_of(store->path);
    store->wal = stamp_of(store->wal_path);
}

bool kms_store_is_touched(const struct kms_store *store)
{
    struct kms_store_stamp file = stamp_of(store->path);
    struct kms_store_stamp wal = stamp_of(store->wal_path);
    return !is_same(&store->file, &file) || !is_same(&store->wal, &wal);
}

/* ---- statements ---- */

enum kms_status kms_store_statement(struct kms_store *store, enum kms_store_statement which,
                                    sqlite3_stmt **ret, struct kms_fault *fault)
{
    sqlite3_stmt **statement = &store->statement[which];
    if (!*statement) {
        int code = sqlite3_prepare_v3(store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                      statement, NULL);
        if (code != SQLITE_OK) {
            return kms_store_refuse(store, code, fault);
        }
    }
    *ret = *statement;
    return KMS_OK;
}

enum kms_status kms_store_run(struct kms_store *store, sqlite3_stmt *statement,
                              struct kms_fault *fault)
{
    int code = sqlite3_step(statement);
    enum kms_status status = KMS_OK;
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static enum kms_status run_plain(struct kms_store *store, enum kms_store_statement which,
                                 struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, which, &statement, fault);
    return status == KMS_OK ? kms_store_run(store, statement, fault) : status;
}

int64_t kms_store_pragma(struct kms_store *store, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        value = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return value;
}

static enum kms_status execute(struct kms_store *store, const char *text, struct kms_fault *fault)
{
    int code = sqlite3_exec(store->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? KMS_OK
                             : kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
}

/* A part of the WAL must not hold the pages that are cut off: the stamp is taken afterwards. */
enum kms_status kms_store_shrink(struct kms_store *store, struct kms_fault *fault)
{
    enum kms_status status = execute(store, "PRAGMA incremental_vacuum(4096)", fault);
    look(store);
    return status;
}

/* ---- opening ---- */

static struct kms_store *new_store(const char *path)
{
    struct kms_store *store = calloc(1, sizeof *store);
    struct kms_buf wal;
    kms_buf_init(&wal, PATH_MAX_BYTES);
    if (store && kms_buf_addf(&wal, "%s-wal", path) == KMS_OK) {
        store->path = kms_text_dup(path);
        store->wal_path = kms_buf_take(&wal);
    }
    kms_buf_done(&wal);
    if (!store || !store->path || !store->wal_path) {
        kms_store_close(store);
        return NULL;
    }
    return store;
}

/* Made beforehand, since SQLite would give it any mode that the umask leaves. One that may not be
 * written to would be opened to read, and fail at its lock with words that lead nobody anywhere. */
static enum kms_status make_file(const struct kms_store *store, bool *ret_made,
                                 struct kms_fault *fault)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    *ret_made = fd >= 0;
    if (fd >= 0) {
        kms_file_hand_over(fd, store->path); /* SQLite gives the WAL the same owner */
        (void)close(fd);
        return KMS_OK;
    }
    if (errno != EEXIST || access(store->path, R_OK | W_OK) != 0) {
        return kms_fault_set(fault, kms_store_status_of_errno(errno), 0, "%.120s: %s", store->path,
                             strerrordesc_np(errno));
    }
    return KMS_OK;
}

static enum kms_status open_file(struct kms_store *store, struct kms_fault *fault)
{
    int code = sqlite3_open_v2(store->path, &store->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                               NULL);
    if (!store->db) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%.120s: out of memory", store->path);
    }
    if (code != SQLITE_OK) {
        return kms_store_refuse(store, code, fault);
    }
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return execute(store, settings, fault);
}

/* 0: an empty file. */
static enum kms_status read_version(struct kms_store *store, int64_t *ret, struct kms_fault *fault)
{
    enum kms_status status = execute(store, "SELECT count(*) FROM sqlite_schema", fault);
    if (status != KMS_OK) {
        return status;
    }
    int64_t version = kms_store_pragma(store, "PRAGMA user_version");
    int64_t tables = kms_store_pragma(store, "SELECT count(*) FROM sqlite_schema");
    int64_t owner = kms_store_pragma(store, "PRAGMA application_id");
    if (tables > 0 && (owner != APPLICATION_ID || version <= 0)) {
        return corrupt(store, "not a store of kmsmon", fault);
    }
    *ret = version;
    return KMS_OK;
}

static enum kms_status check_version(struct kms_store *store, bool made, struct kms_fault *fault)
{
    int64_t version = 0;
    enum kms_status status = read_version(store, &version, fault);
    if (status == KMS_OK && version > SCHEMA_VERSION) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "%.120s: it is of a newer release (version %" PRId64
                             ", this one knows %d)",
                             store->path, version, SCHEMA_VERSION);
    }
    if (status == KMS_OK && version == 0 && !made) {
        return corrupt(store, "it has lost its contents", fault);
    }
    if (status == KMS_OK && version == 0) {
        status = execute(store, schema, fault);
    }
    return status;
}

/* Files of earlier releases have series without it. They leave it alone, so it is the same version.
 */
static enum kms_status add_seen(struct kms_store *store, struct kms_fault *fault)
{
    static const char find[] = "SELECT count(*) FROM pragma_table_info('series') WHERE name='seen'";
    return kms_store_pragma(store, find) != 0
               ? KMS_OK
               : execute(store, "ALTER TABLE series ADD COLUMN seen INTEGER", fault);
}

static enum kms_status use_wal(struct kms_store *store, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool is_wal = mode && kms_text_equal(mode, "wal");
    (void)sqlite3_finalize(statement);
    if (is_wal) {
        return KMS_OK;
    }
    if (code != SQLITE_ROW) {
        return kms_store_refuse(store, code, fault);
    }
    return kms_fault_set(fault, KMS_EDENIED, 0, "%.120s: it cannot be written to", store->path);
}

static void count_row(void *arg, const char *name, const char *bytes, size_t len)
{
    (void)name;
    (void)bytes;
    (void)len;
    (*(int64_t *)arg)++;
}

/* By the index, as they are read later, and past it: damage of one must not hide rows of the other.
 */
static enum kms_status check_records(struct kms_store *store, struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    int64_t count = 0;
    for (int kind = 1; status == KMS_OK && kind <= KMS_STORE_KIND_MAX; kind++) {
        status = kms_store_each(store, (enum kms_store_kind)kind, count_row, &count, fault);
    }
    if (status == KMS_OK &&
        kms_store_pragma(store, "SELECT count(*) FROM record NOT INDEXED") != count) {
        status = corrupt(store, "records are missing", fault);
    }
    return status;
}

/* Of a process that lives, and may be read: "" otherwise. */
static void name_of_process(pid_t pid, char *dst, size_t size)
{
    char path[64];
    char name[64];
    kms_text_format(path, sizeof path, "/proc/%ld/comm", (long)pid);
    dst[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t len = read(fd, name, sizeof name);
    (void)close(fd);
    if (len > 0) {
        len -= name[len - 1] == '\n' ? 1 : 0;
        kms_text_clean(dst, size, name, (size_t)len);
    }
}

/* Which process has the file locked, so that people need not look for it. Closing any descriptor
 * of the file gives up all locks that this process has on it: not while a store of it is open. */
static void name_holder(const char *path, struct kms_fault *fault)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    bool is_held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0;
    (void)close(fd);
    if (is_held) {
        name_of_process(lock.l_pid, name, sizeof name);
        kms_text_append(fault->text, sizeof fault->text, " by process %ld%s%s%s", (long)lock.l_pid,
                        name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
    }
}

/* A rebuild that was cut off when the damaged file was set aside already. */
static void finish_rebuild(const char *path)
{
    char anew[PATH_MAX_BYTES];
    if (access(path, F_OK) != 0 && errno == ENOENT &&
        kms_text_format(anew, sizeof anew, "%s" KMS_STORE_ANEW, path)) {
        (void)rename(anew, path); /* mostly there is none */
    }
}

enum kms_status kms_store_open(const char *path, struct kms_store **ret, struct kms_fault *fault)
{
    struct kms_store *store = new_store(path);
    if (!store) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%.120s: out of memory", path);
    }
    bool made = false;
    finish_rebuild(path);
    enum kms_status status = make_file(store, &made, fault);
    if (status == KMS_OK && made) {
        (void)unlink(store->wal_path); /* of a file that is gone */
    }
    if (status == KMS_OK) {
        status = open_file(store, fault);
    }
    if (status == KMS_OK) {
        status = check_version(store, made, fault);
    }
    if (status == KMS_OK) {
        status = use_wal(store, fault);
    }
    if (status == KMS_OK) {
        status = add_seen(store, fault);
    }
    if (status == KMS_OK) {
        status = check_records(store, fault);
    }
    if (status != KMS_OK) {
        kms_store_drop(store);
        if (made) {
            (void)unlink(path); /* half a store would be taken for a damaged one */
        }
        if (status == KMS_EBUSY && fault) {
            name_holder(path, fault);
        }
        return status;
    }
    look(store);
    *ret = store;
    return KMS_OK;
}

enum kms_status kms_store_open_to_read(const char *path, struct kms_store **ret,
                                       struct kms_fault *fault)
{
    struct kms_store *store = new_store(path);
    if (!store) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%.120s: out of memory", path);
    }
    enum kms_status status = open_file(store, fault);
    if (status != KMS_OK) {
        kms_store_drop(store);
        return status;
    }
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    *ret = store;
    return KMS_OK;
}

void kms_store_close(struct kms_store *store)
{
    if (!store) {
        return;
    }
    for (size_t i = 0; i < KMS_STORE_STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statement[i]);
    }
    (void)sqlite3_close_v2(store->db);
    free(store->path);
    free(store->wal_path);
    free(store);
}

void kms_store_drop(struct kms_store *store)
{
    if (store && store->db) {
        (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    kms_store_close(store);
}

/* ---- transactions ---- */

enum kms_status kms_store_begin(struct kms_store *store, struct kms_fault *fault)
{
    enum kms_status status = run_plain(store, KMS_STORE_BEGIN, fault);
    store->in_batch = status == KMS_OK;
    return status;
}

enum kms_status kms_store_commit(struct kms_store *store, struct kms_fault *fault)
{
    enum kms_status status = run_plain(store, KMS_STORE_COMMIT, fault);
    if (status != KMS_OK) {
        kms_store_rollback(store);
        return status;
    }
    store->in_batch = false;
    look(store);
    return KMS_OK;
}

/* SQLite may have rolled back by itself. */
void kms_store_rollback(struct kms_store *store)
{
    if (store->in_batch && !sqlite3_get_autocommit(store->db)) {
        (void)run_plain(store, KMS_STORE_ROLLBACK, NULL);
    }
    store->in_batch = false;
    look(store);
}

/* ---- records ---- */

static bool bind_name(sqlite3_stmt *statement, enum kms_store_kind kind, const char *name)
{
    return sqlite3_bind_int(statement, 1, (int)kind) == SQLITE_OK &&
           sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC) == SQLITE_OK;
}

static enum kms_status unbound(struct kms_store *store, sqlite3_stmt *statement,
                               struct kms_fault *fault)
{
    (void)sqlite3_clear_bindings(statement);
    return kms_fault_set(fault, KMS_ENOMEM, 0, "%.120s: out of memory", store->path);
}

enum kms_status kms_store_put(struct kms_store *store, enum kms_store_kind kind, const char *name,
                              const void *bytes, size_t len, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    size_t name_len = strlen(name);
    if (name_len > KMS_STORE_NAME_MAX || len > KMS_STORE_BYTES_MAX) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "%.120s: a record is too long", store->path);
    }
    enum kms_status status = kms_store_statement(store, KMS_STORE_PUT, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    int64_t sum = kms_store_sum((int64_t)kind, name, name_len, bytes, len);
    bool bound = bind_name(statement, kind, name) &&
                 sqlite3_bind_blob(statement, 3, len > 0 ? bytes : "", (int)len, SQLITE_STATIC) ==
                     SQLITE_OK &&
                 sqlite3_bind_int64(statement, 4, sum) == SQLITE_OK;
    return bound ? kms_store_run(store, statement, fault) : unbound(store, statement, fault);
}

enum kms_status kms_store_remove(struct kms_store *store, enum kms_store_kind kind,
                                 const char *name, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_REMOVE, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    return bind_name(statement, kind, name) ? kms_store_run(store, statement, fault)
                                            : unbound(store, statement, fault);
}

enum kms_status kms_store_wipe(struct kms_store *store, enum kms_store_kind kind,
                               struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_WIPE, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    return sqlite3_bind_int(statement, 1, (int)kind) == SQLITE_OK
               ? kms_store_run(store, statement, fault)
               : unbound(store, statement, fault);
}

/* Name and bytes of the present row; false when its sum is wrong. */
static bool read_row(sqlite3_stmt *statement, enum kms_store_kind kind, kms_store_row_fn *row,
                     void *arg)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    size_t name_len = (size_t)sqlite3_column_bytes(statement, 0);
    const char *bytes = sqlite3_column_blob(statement, 1);
    size_t len = (size_t)sqlite3_column_bytes(statement, 1);
    if (!name || strlen(name) != name_len ||
        kms_store_sum((int64_t)kind, name, name_len, bytes, len) !=
            sqlite3_column_int64(statement, 2)) {
        return false;
    }
    row(arg, name, bytes ? bytes : "", len);
    return true;
}

enum kms_status kms_store_each(struct kms_store *store, enum kms_store_kind kind,
                               kms_store_row_fn *row, void *arg, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_EACH, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int(statement, 1, (int)kind);
    int code = SQLITE_ROW;
    while (status == KMS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!read_row(statement, kind, row, arg)) {
            status = corrupt(store, "a record is not what was written", fault);
        }
    }
    if (status == KMS_OK && code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}
