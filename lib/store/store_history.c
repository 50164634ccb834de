/* Hours of history in the store: one row for each series and hour, given away from the old end. */
#include <string.h>

#include "base/text.h"
#include "store/store_parts.h"

#define HOUR_S     3600
#define VALUES     7
#define CUTS_MAX   48    /* in one go */
#define UNUSED_MAX 1024  /* pages that wait to be used again */
#define FADED_MAX  256   /* series at a time */
#define LOOKS_MAX  50000 /* for hours of series, in one go: a tenth of a second or two */

static bool bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static enum kms_status find_series(struct kms_store *store, enum kms_store_statement which,
                                   const struct kms_history_hour *hour, int64_t *ret,
                                   struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, which, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    if (!bind_text(statement, 1, hour->host) || !bind_text(statement, 2, hour->key)) {
        return kms_store_refuse(store, SQLITE_NOMEM, fault);
    }
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *ret = sqlite3_column_int64(statement, 0);
    } else if (code == SQLITE_DONE && which == KMS_STORE_ADD_SERIES) {
        *ret = sqlite3_last_insert_rowid(store->db);
    } else if (code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static enum kms_status bind_hour(struct kms_store *store, sqlite3_stmt *statement, int64_t series,
                                 const struct kms_history_hour *hour, struct kms_fault *fault)
{
    const uint32_t value[VALUES] = {hour->count_last,      hour->count_min,       hour->count_max,
                                    hour->required_client, hour->required_server, hour->requests,
                                    hour->failed};
    const bool known[VALUES] = {hour->count_known,         hour->count_known,
                                hour->count_known,         hour->required_client > 0,
                                hour->required_server > 0, hour->requests_known,
                                hour->requests_known};
    int code = sqlite3_bind_int64(statement, 1, hour->hour_s / HOUR_S);
    if (code == SQLITE_OK) {
        code = sqlite3_bind_int64(statement, 2, series);
    }
    for (int i = 0; code == SQLITE_OK && i < VALUES; i++) {
        code = known[i] ? sqlite3_bind_int64(statement, i + 3, value[i])
                        : sqlite3_bind_null(statement, i + 3);
    }
    return code == SQLITE_OK ? KMS_OK : kms_store_refuse(store, code, fault);
}

enum kms_status kms_store_add_hour(struct kms_store *store, const struct kms_history_hour *hour,
                                   bool keep, struct kms_fault *fault)
{
    int64_t series = 0;
    sqlite3_stmt *statement = NULL;
    enum kms_status status = find_series(store, KMS_STORE_SERIES, hour, &series, fault);
    if (status == KMS_OK && series == 0) {
        status = find_series(store, KMS_STORE_ADD_SERIES, hour, &series, fault);
    }
    if (status == KMS_OK) {
        status = kms_store_statement(store, keep ? KMS_STORE_KEEP_HOUR : KMS_STORE_PUT_HOUR,
                                     &statement, fault);
    }
    if (status == KMS_OK) {
        status = bind_hour(store, statement, series, hour, fault);
    }
    return status == KMS_OK ? kms_store_run(store, statement, fault) : status;
}

enum kms_status kms_store_put_hour(struct kms_store *store, const struct kms_history_hour *hour,
                                   struct kms_fault *fault)
{
    return kms_store_add_hour(store, hour, false, fault);
}

/* ---- reading ---- */

/* False when a value is none that was ever written. */
static bool read_values(sqlite3_stmt *statement, struct kms_history_hour *hour)
{
    uint32_t *const value[VALUES] = {
        &hour->count_last,      &hour->count_min, &hour->count_max, &hour->required_client,
        &hour->required_server, &hour->requests,  &hour->failed};
    for (int i = 0; i < VALUES; i++) {
        int type = sqlite3_column_type(statement, i);
        int64_t number = sqlite3_column_int64(statement, i);
        if (type == SQLITE_NULL) {
            *value[i] = 0;
        } else if (type == SQLITE_INTEGER && number >= 0 && number <= UINT32_MAX) {
            *value[i] = (uint32_t)number;
        } else {
            return false;
        }
    }
    hour->count_known = sqlite3_column_type(statement, 0) != SQLITE_NULL;
    hour->requests_known = sqlite3_column_type(statement, 5) != SQLITE_NULL;
    return hour->count_min <= hour->count_max && hour->count_last <= hour->count_max &&
           hour->count_last >= hour->count_min && hour->failed <= hour->requests;
}

/* A statement with one number to be bound and one to be read; INT64_MIN: there is no row. */
static enum kms_status find_number(struct kms_store *store, enum kms_store_statement which,
                                   int64_t bound, int64_t *ret, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, which, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    if (sqlite3_bind_parameter_count(statement) > 0) {
        (void)sqlite3_bind_int64(statement, 1, bound);
    }
    int code = sqlite3_step(statement);
    *ret = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : INT64_MIN;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return status;
}

/* The first hour at or after the given one that anything is known of; INT64_MAX: none. */
static enum kms_status next_hour(struct kms_store *store, int64_t *hour, struct kms_fault *fault)
{
    int64_t found = INT64_MIN;
    enum kms_status status = find_number(store, KMS_STORE_NEXT_HOUR, *hour, &found, fault);
    if (status == KMS_OK) {
        *hour = found == INT64_MIN ? INT64_MAX : found;
    }
    return status;
}

#define SERIES_MAX 64 /* of one host */

struct series {
    int64_t id[SERIES_MAX];
    char key[SERIES_MAX][KMS_HISTORY_NAME_SIZE];
    size_t count;
};

static enum kms_status read_series(struct kms_store *store, const char *host, struct series *series,
                                   struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_SERIES_OF, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)bind_text(statement, 1, host);
    int code;
    series->count = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && series->count < SERIES_MAX) {
        const char *key = (const char *)sqlite3_column_text(statement, 1);
        series->id[series->count] = sqlite3_column_int64(statement, 0);
        series->count +=
            key && kms_text_copy(series->key[series->count], KMS_HISTORY_NAME_SIZE, key) ? 1 : 0;
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* As the same hour put again is joined in the file; more is the later one. */
static void join(struct kms_history_hour *hour, const struct kms_history_hour *more)
{
    if (more->count_known) {
        bool first = !hour->count_known;
        hour->count_min = first || more->count_min < hour->count_min ? more->count_min
                                                                     : hour->count_min;
        hour->count_max = first || more->count_max > hour->count_max ? more->count_max
                                                                     : hour->count_max;
        hour->count_last = more->count_last;
        hour->count_known = true;
    }
    hour->required_client = more->required_client > 0 ? more->required_client
                                                      : hour->required_client;
    hour->required_server = more->required_server > 0 ? more->required_server
                                                      : hour->required_server;
    hour->requests = sum_of(hour->requests, more->requests);
    hour->failed = sum_of(hour->failed, more->failed);
    hour->requests_known = hour->requests_known || more->requests_known;
}

/* False: the series has nothing then, or status says what is wrong. */
static bool read_hour(struct kms_store *store, sqlite3_stmt *statement, int64_t series,
                      struct kms_history_hour *hour, enum kms_status *status,
                      struct kms_fault *fault)
{
    (void)sqlite3_bind_int64(statement, 1, hour->hour_s / HOUR_S);
    (void)sqlite3_bind_int64(statement, 2, series);
    int code = sqlite3_step(statement);
    bool has = code == SQLITE_ROW && read_values(statement, hour);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        *status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return has;
}

/* Series of one key differ in the case of the host alone: their hours are one. */
static enum kms_status hours_of_host(struct kms_store *store, const struct series *series,
                                     struct kms_history_hour *hour, kms_store_hour_fn *each,
                                     void *arg, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    struct kms_history_hour more = *hour;
    bool has = false;
    enum kms_status status = kms_store_statement(store, KMS_STORE_HOUR_OF, &statement, fault);
    for (size_t i = 0; status == KMS_OK && i < series->count; i++) {
        if (read_hour(store, statement, series->id[i], has ? &more : hour, &status, fault)) {
            if (has) {
                join(hour, &more);
            }
            has = true;
        }
        bool is_last = i + 1 == series->count ||
                       !kms_text_equal(series->key[i], series->key[i + 1]);
        if (status == KMS_OK && has && is_last) {
            (void)kms_text_copy(hour->key, sizeof hour->key, series->key[i]);
            status = each(arg, hour);
            has = false;
        }
    }
    return status;
}

static enum kms_status hours_of_all(struct kms_store *store, struct kms_history_hour *hour,
                                    kms_store_hour_fn *each, void *arg, struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_ROWS_OF_HOUR, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, hour->hour_s / HOUR_S);
    int code = SQLITE_ROW;
    while (status == KMS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *host = (const char *)sqlite3_column_text(statement, VALUES);
        const char *key = (const char *)sqlite3_column_text(statement, VALUES + 1);
        if (read_values(statement, hour) && host && key &&
            kms_text_copy(hour->host, sizeof hour->host, host) &&
            kms_text_copy(hour->key, sizeof hour->key, key)) {
            status = each(arg, hour);
        }
    }
    if (status == KMS_OK && code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return status;
}

/* An hour of the host is looked up by its place: nothing else of that hour is read. */
enum kms_status kms_store_hours(struct kms_store *store, const char *host, int64_t from_s,
                                int64_t to_s, kms_store_hour_fn *each, void *arg,
                                struct kms_fault *fault)
{
    struct series series = {.count = 0};
    struct kms_history_hour hour = {.hour_s = 0};
    int64_t at = from_s <= 0 ? 0 : (from_s - 1) / HOUR_S + 1;
    enum kms_status status = KMS_OK;
    if (host) {
        if (!kms_text_copy(hour.host, sizeof hour.host, host)) {
            return KMS_OK;
        }
        status = read_series(store, host, &series, fault);
        if (series.count == 0) {
            return status;
        }
    }
    while (status == KMS_OK && at < INT64_MAX / HOUR_S) {
        status = next_hour(store, &at, fault);
        if (status != KMS_OK || at >= INT64_MAX / HOUR_S || at * HOUR_S >= to_s) {
            break;
        }
        hour.hour_s = at * HOUR_S;
        status = host ? hours_of_host(store, &series, &hour, each, arg, fault)
                      : hours_of_all(store, &hour, each, arg, fault);
        at++;
    }
    return status;
}

/* ---- hosts and their last hours ---- */

enum kms_status kms_store_hosts(struct kms_store *store, kms_store_host_fn *each, void *arg,
                                struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_HOSTS, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    int code = SQLITE_ROW;
    while (status == KMS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *host = (const char *)sqlite3_column_text(statement, 0);
        status = host ? each(arg, host) : KMS_OK;
    }
    if (status == KMS_OK && code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return status;
}

static enum kms_status has_hour(struct kms_store *store, int64_t hour, int64_t series, bool *ret,
                                struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_HOUR_OF, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, hour);
    (void)sqlite3_bind_int64(statement, 2, series);
    int code = sqlite3_step(statement);
    *ret = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return status;
}

/* The newest hour of any of the series, from the newest of all backwards; INT64_MIN: none. */
static enum kms_status find_last(struct kms_store *store, const int64_t *series, size_t count,
                                 int64_t *ret, uint32_t *looks, struct kms_fault *fault)
{
    int64_t at = INT64_MAX / HOUR_S;
    bool has = false;
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && !has && at != INT64_MIN) {
        status = find_number(store, KMS_STORE_HOUR_BEFORE, at, &at, fault);
        for (size_t i = 0; status == KMS_OK && !has && at != INT64_MIN && i < count; i++) {
            status = has_hour(store, at, series[i], &has, fault);
        }
        *looks += 1 + (uint32_t)count;
    }
    *ret = at;
    return status;
}

enum kms_status kms_store_last_hour(struct kms_store *store, const char *host, int64_t *ret_hour_s,
                                    struct kms_fault *fault)
{
    struct series series = {.count = 0};
    int64_t hour = INT64_MIN;
    uint32_t looks = 0;
    enum kms_status status = read_series(store, host, &series, fault);
    if (status == KMS_OK && series.count > 0) {
        status = find_last(store, series.id, series.count, &hour, &looks, fault);
    }
    if (status == KMS_OK) {
        *ret_hour_s = hour == INT64_MIN ? hour : hour * HOUR_S;
    }
    return status;
}

/* ---- giving away ---- */

int64_t kms_store_size(struct kms_store *store)
{
    int64_t page = kms_store_pragma(store, "PRAGMA page_size");
    int64_t pages = kms_store_pragma(store, "PRAGMA page_count");
    int64_t unused = kms_store_pragma(store, "PRAGMA freelist_count");
    return pages > unused ? page * (pages - unused) : 0;
}

static enum kms_status drop(struct kms_store *store, enum kms_store_statement which, int64_t hour,
                            struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, which, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, hour);
    return kms_store_run(store, statement, fault);
}

/* Cuts one hour off an end. */
static enum kms_status cut(struct kms_store *store, const struct kms_store_limits *limits,
                           uint32_t *by_age, bool *ret_cut, struct kms_fault *fault)
{
    int64_t first = INT64_MIN;
    int64_t last = INT64_MIN;
    *ret_cut = false;
    enum kms_status status = find_number(store, KMS_STORE_OLDEST, 0, &first, fault);
    if (status == KMS_OK) {
        status = find_number(store, KMS_STORE_NEWEST, 0, &last, fault);
    }
    if (status != KMS_OK || first == INT64_MIN) {
        return status;
    }
    bool may_age = *by_age < limits->hours_max;
    bool is_future = may_age && last >= limits->future_s / HOUR_S;
    bool is_old = may_age && first < limits->oldest_s / HOUR_S;
    *by_age += is_future || is_old ? 1 : 0;
    *ret_cut = true;
    if (is_future) {
        return drop(store, KMS_STORE_DROP_FUTURE, last, fault);
    }
    if (is_old || kms_store_size(store) > limits->size_max) {
        return drop(store, KMS_STORE_DROP_HOURS, first + 1, fault);
    }
    *ret_cut = false;
    return KMS_OK;
}

static enum kms_status cut_all(struct kms_store *store, const struct kms_store_limits *limits,
                               bool *ret_more, struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    uint32_t by_age = 0;
    bool is_cut = true;
    int count = 0;
    while (status == KMS_OK && is_cut && count < CUTS_MAX) {
        status = cut(store, limits, &by_age, &is_cut, fault);
        count++;
    }
    *ret_more = is_cut;
    return status;
}

struct faded {
    int64_t id[FADED_MAX];
    size_t count;
};

/* Series that were not seen to have an hour from that one on. */
static enum kms_status list_faded(struct kms_store *store, int64_t oldest, struct faded *faded,
                                  struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    enum kms_status status = kms_store_statement(store, KMS_STORE_FADED, &statement, fault);
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, oldest);
    (void)sqlite3_bind_int64(statement, 2, FADED_MAX);
    int code;
    faded->count = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && faded->count < FADED_MAX) {
        faded->id[faded->count++] = sqlite3_column_int64(statement, 0);
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        status = kms_store_refuse(store, sqlite3_extended_errcode(store->db), fault);
    }
    (void)sqlite3_reset(statement);
    return status;
}

/* One that is not watched any more is searched for in all hours twice: once to learn when its last
 * one is, and once when that one is gone. */
static enum kms_status look_after(struct kms_store *store, int64_t series, uint32_t *looks,
                                  struct kms_fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int64_t last = INT64_MIN;
    enum kms_status status = find_last(store, &series, 1, &last, looks, fault);
    if (status == KMS_OK) {
        status = kms_store_statement(store,
                                     last == INT64_MIN ? KMS_STORE_DROP_SERIES : KMS_STORE_SET_SEEN,
                                     &statement, fault);
    }
    if (status != KMS_OK) {
        return status;
    }
    (void)sqlite3_bind_int64(statement, 1, series);
    if (last != INT64_MIN) {
        (void)sqlite3_bind_int64(statement, 2, last);
    }
    return kms_store_run(store, statement, fault);
}

static enum kms_status forget_series(struct kms_store *store, struct kms_fault *fault)
{
    struct faded faded = {.count = FADED_MAX};
    int64_t oldest = INT64_MIN;
    uint32_t looks = 0;
    enum kms_status status = find_number(store, KMS_STORE_OLDEST, 0, &oldest, fault);
    oldest = oldest == INT64_MIN ? INT64_MAX : oldest; /* no hour at all */
    while (status == KMS_OK && faded.count == FADED_MAX && looks < LOOKS_MAX) {
        status = list_faded(store, oldest, &faded, fault);
        for (size_t i = 0; status == KMS_OK && i < faded.count && looks < LOOKS_MAX; i++) {
            status = look_after(store, faded.id[i], &looks, fault);
        }
    }
    return status;
}

enum kms_status kms_store_trim(struct kms_store *store, const struct kms_store_limits *limits,
                               bool *ret_more, struct kms_fault *fault)
{
    bool more = false;
    enum kms_status status = kms_store_begin(store, fault);
    if (status != KMS_OK) {
        return status;
    }
    status = cut_all(store, limits, &more, fault);
    if (status == KMS_OK && limits->hours_max > 0) {
        status = forget_series(store, fault);
    }
    if (status == KMS_OK) {
        status = kms_store_commit(store, fault);
    } else {
        kms_store_rollback(store);
    }
    if (status == KMS_OK && kms_store_pragma(store, "PRAGMA freelist_count") > UNUSED_MAX) {
        status = kms_store_shrink(store, fault);
    }
    *ret_more = more && status == KMS_OK;
    return status;
}
