/* One attempt to read a report: fetch it, make sure it stood still, have it parsed beside the loop.
 */
#include "report/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "net/http.h"
#include "probe/worker.h"
#include "report/age.h"
#include "report/parse.h"
#include "report/place.h"

#define SIZE_MAX_PRESET   (INT64_C(8) << 20)
#define TIMEOUT_PRESET_MS 10000
#define YOUNG_NS          INT64_C(1000000000) /* a writer may still be at it */
#define READ_AGAIN_MS     250
#define READS_MAX         6
#define STANDARD_INPUT    0
#define REASON_SIZE       80

/* What a worker's job may touch. Between jobs it belongs to the loop's thread. */
struct task {
    struct kms_probe *probe; /* for the loop's thread only; gone when the job was abandoned */
    struct kms_place place;
    struct kms_buf text;
    int64_t now_ns; /* wall clock, before the read */

    /* The reading before, which a young file must repeat byte for byte. */
    bool was_read;
    struct kms_file_stamp last;
    uint64_t last_fingerprint;

    /* What the job found. */
    bool settled; /* nothing is gained by reading again */
    enum kms_outcome outcome;
    int error; /* errno of a failed read, 0: none */
    struct kms_file_stamp stamp;
    uint64_t fingerprint;
    struct kms_report report;
};

struct kms_probe {
    struct kms_env *env;
    kms_done_fn *done;
    void *arg;
    struct task *task;
    struct kms_job *job;      /* NULL: none runs */
    struct kms_http_get *get; /* NULL: none runs */
    struct kms_timer *timer;
    int reads;
    int64_t last_modified_s;
    enum kms_outcome outcome; /* NONE until something but the task decided */
    char detail[200];
};

static void free_task(void *data)
{
    struct task *task = data;
    if (!task) {
        return;
    }
    kms_report_done(&task->report);
    kms_buf_done(&task->text);
    kms_place_done(&task->place);
    free(task);
}

static void free_probe(struct kms_probe *probe)
{
    kms_timer_free(probe->timer);
    free_task(probe->task);
    free(probe);
}

/* In the worker. */

/* FNV-1a; never 0, which would mean "not applicable". */
static uint64_t fingerprint_of(const struct kms_buf *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    struct kms_rd rd = kms_rd_over(text->data, text->len);
    uint8_t byte;
    while (kms_rd_u8(&rd, &byte)) {
        hash = (hash ^ byte) * UINT64_C(1099511628211);
    }
    return hash == 0 ? 1 : hash;
}

static enum kms_outcome outcome_of_read(enum kms_status status, int error)
{
    switch (status) {
    case KMS_OK:
        return KMS_OUTCOME_OK;
    case KMS_ENOMEM:
        return KMS_OUTCOME_NO_MEMORY;
    case KMS_ENOTFOUND:
        return KMS_OUTCOME_REPORT_MISSING;
    case KMS_EINVAL:
        return KMS_OUTCOME_REPORT_NOT_A_FILE;
    case KMS_ETOOBIG:
        return KMS_OUTCOME_REPORT_TOO_BIG;
    case KMS_EBUSY:
        return KMS_OUTCOME_REPORT_CHANGING;
    default:
        return error == EACCES || error == EPERM ? KMS_OUTCOME_REPORT_DENIED
                                                 : KMS_OUTCOME_REPORT_UNREADABLE;
    }
}

/* The stamps' clock is coarse, so equal stamps around one read prove nothing while the file is
 * young. A time that is still to come is no proof of age either. */
static bool stood_still(const struct task *task)
{
    if (task->stamp.mtime_ns <= task->now_ns - YOUNG_NS) {
        return true;
    }
    return task->was_read && kms_file_stamp_equal(&task->stamp, &task->last) &&
           task->fingerprint == task->last_fingerprint;
}

static enum kms_status fetch(struct task *task)
{
    switch (task->place.kind) {
    case KMS_PLACE_FILE:
        return kms_file_read(task->place.path, &task->text, &task->stamp, &task->error);
    case KMS_PLACE_STDIN:
        return kms_file_read_fd(STANDARD_INPUT, &task->text);
    case KMS_PLACE_HTTP:
        break; /* came by the loop */
    }
    return KMS_OK;
}

static void read_and_parse(void *data)
{
    struct task *task = data;
    task->error = 0;
    enum kms_status status = fetch(task);
    task->outcome = outcome_of_read(status, task->error);
    if (status != KMS_OK) {
        task->settled = status != KMS_EBUSY;
        task->was_read = false;
        return;
    }
    task->fingerprint = fingerprint_of(&task->text);
    task->settled = task->place.kind != KMS_PLACE_FILE || stood_still(task);
    if (task->settled) {
        const char *text = kms_buf_str(&task->text);
        task->outcome = kms_report_parse((const uint8_t *)text, task->text.len, &task->report);
    }
    task->was_read = true;
    task->last = task->stamp;
    task->last_fingerprint = task->fingerprint;
    kms_buf_done(&task->text);
}

/* On the loop. */

static void fail(struct kms_probe *probe, enum kms_outcome outcome, const char *reason)
{
    const char *name = probe->task->place.name;
    probe->outcome = outcome;
    kms_text_format(probe->detail, sizeof probe->detail, "%s%s%s", name, name[0] ? ": " : "",
                    reason);
}

static void add_age(const struct kms_probe *probe, struct kms_result *result)
{
    const struct task *task = probe->task;
    struct kms_age_evidence evidence = {.now_s = kms_clock_wall_s(&probe->env->clock)};
    evidence.own_known = kms_facts_number(&result->host, KMS_FACT_TRUSTED_TIME, &evidence.own_s);
    if (task->place.kind == KMS_PLACE_FILE) {
        evidence.file_s = task->stamp.mtime_ns / 1000000000;
    } else if (task->place.kind == KMS_PLACE_HTTP) {
        evidence.file_s = probe->last_modified_s;
    }
    evidence.file_known = evidence.file_s > 0;
    struct kms_age age = kms_age_of(&evidence);
    result->data_s = age.best_s;
    result->data_s_min = age.min_s;
    result->data_s_max = age.max_s;
}

/* The facts change hands, nothing is copied but the notes. */
static enum kms_status move_report(struct kms_report *report, struct kms_result *result)
{
    result->host = report->host;
    report->host = (struct kms_facts){0};
    for (size_t i = 0; i < report->key_count; i++) {
        struct kms_facts *key = kms_result_add_key(result);
        if (!key) {
            return KMS_ENOMEM;
        }
        *key = report->key[i];
        report->key[i] = (struct kms_facts){0};
    }
    for (size_t i = 0; i < report->note_count; i++) {
        const struct kms_report_note *note = &report->note[i];
        if (kms_result_add_note(result, note->key, note->label ? note->label : "",
                                note->value ? note->value : "") != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

static void fill_result(struct kms_probe *probe, struct kms_result *result)
{
    struct task *task = probe->task;
    if (probe->outcome != KMS_OUTCOME_NONE) {
        result->outcome = probe->outcome;
        kms_text_copy(result->detail, sizeof result->detail, probe->detail);
        return;
    }
    result->outcome = task->outcome;
    result->fingerprint = task->fingerprint;
    if (move_report(&task->report, result) != KMS_OK) {
        kms_result_done(result);
        result->outcome = KMS_OUTCOME_NO_MEMORY;
        return;
    }
    add_age(probe, result);
    if (kms_outcome_good(task->outcome)) {
        kms_text_copy(result->detail, sizeof result->detail, task->report.detail);
    } else {
        kms_text_format(result->detail, sizeof result->detail, "%s: %s", task->place.name,
                        task->report.detail[0] ? task->report.detail
                                               : kms_outcome_row(task->outcome)->meaning);
    }
}

/* Every way ends here, once. */
static void finish(struct kms_probe *probe)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    fill_result(probe, &result);
    kms_done_fn *done = probe->done;
    void *arg = probe->arg;
    free_probe(probe);
    done(arg, &result);
    kms_result_done(&result);
}

static const char *reason_of_read(const struct task *task, int64_t size_max, char *dst, size_t size)
{
    if (task->outcome == KMS_OUTCOME_REPORT_TOO_BIG) {
        kms_text_format(dst, size, "larger than %lld bytes", (long long)size_max);
        return dst;
    }
    if (task->outcome == KMS_OUTCOME_REPORT_NOT_A_FILE) {
        return "not a regular file";
    }
    const char *text = task->error == 0 ? NULL : strerrordesc_np(task->error);
    return text ? text : kms_outcome_row(task->outcome)->meaning;
}

static void job_ended(void *data)
{
    struct task *task = data;
    struct kms_probe *probe = task->probe;
    probe->job = NULL;
    probe->reads++;
    if (!task->settled && probe->reads < READS_MAX) {
        kms_timer_set(probe->timer, READ_AGAIN_MS);
        return;
    }
    char reason[REASON_SIZE];
    if (!task->settled) {
        kms_text_format(reason, sizeof reason, "still changing after %d readings", probe->reads);
        fail(probe, KMS_OUTCOME_REPORT_CHANGING, reason);
    } else if (!task->was_read) {
        fail(probe, task->outcome,
             reason_of_read(task, (int64_t)task->text.max, reason, sizeof reason));
    }
    finish(probe);
}

static bool submit(struct kms_probe *probe)
{
    struct kms_clock *clock = &probe->env->clock;
    probe->task->now_ns = clock->wall_us(clock->arg) * 1000;
    probe->job = kms_worker_submit(probe->env->worker, read_and_parse, job_ended, probe->task);
    return probe->job != NULL;
}

/* It is time to read again, or to tell what was known at the start already. */
static void timer_fired(void *arg)
{
    struct kms_probe *probe = arg;
    if (probe->outcome == KMS_OUTCOME_NONE) {
        if (submit(probe)) {
            return;
        }
        fail(probe, KMS_OUTCOME_NO_MEMORY, "not enough memory to read it");
    }
    finish(probe);
}

static void fetched(void *arg, const struct kms_http_answer *answer)
{
    struct kms_probe *probe = arg;
    probe->get = NULL;
    if (answer->outcome != KMS_OUTCOME_OK) {
        fail(probe, answer->outcome,
             answer->detail[0] ? answer->detail : kms_outcome_row(answer->outcome)->meaning);
    } else if (kms_buf_add(&probe->task->text, kms_buf_str(answer->body), answer->body->len) !=
                   KMS_OK ||
               !submit(probe)) {
        fail(probe, KMS_OUTCOME_NO_MEMORY, "not enough memory to read it");
    }
    probe->last_modified_s = answer->last_modified_s;
    if (!probe->job) {
        finish(probe);
    }
}

static bool start_http(struct kms_probe *probe, const struct kms_source_config *config)
{
    if (!probe->env->http) {
        fail(probe, KMS_OUTCOME_HTTP_URL, "this program reads no web addresses");
        kms_timer_set(probe->timer, 0);
        return true;
    }
    const struct kms_http_request request = {
        .url = probe->task->place.path,
        .ca_file = config->ca_file,
        .size_max = probe->task->text.max,
        .timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_PRESET_MS,
    };
    probe->get = kms_http_start(probe->env->http, &request, fetched, probe);
    return probe->get != NULL;
}

static bool begin(struct kms_probe *probe, const struct kms_source_config *config)
{
    struct kms_fault fault = {0};
    enum kms_status status = kms_place_parse(config->url, &probe->task->place, &fault);
    if (status == KMS_ENOMEM) {
        return false;
    }
    if (status != KMS_OK) {
        char reason[sizeof fault.text];
        kms_text_clean(reason, sizeof reason, fault.text, strlen(fault.text));
        fail(probe, KMS_OUTCOME_HTTP_URL, reason);
        kms_timer_set(probe->timer, 0);
        return true;
    }
    return probe->task->place.kind == KMS_PLACE_HTTP ? start_http(probe, config) : submit(probe);
}

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    const struct kms_source_config *config = &target->source[KMS_SOURCE_REPORT];
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    probe->env = env;
    probe->done = done;
    probe->arg = arg;
    probe->timer = kms_timer_new(env->loop, timer_fired, probe);
    probe->task = calloc(1, sizeof *probe->task);
    if (!probe->timer || !probe->task) {
        free_probe(probe);
        return NULL;
    }
    int64_t size_max = config->size_max > 0 ? config->size_max : SIZE_MAX_PRESET;
    kms_buf_init(&probe->task->text, (size_t)size_max);
    probe->task->probe = probe;
    if (!begin(probe, config)) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

static void cancel(struct kms_probe *probe)
{
    if (probe->get) {
        kms_http_cancel(probe->get);
    }
    if (probe->job) {
        kms_job_abandon(probe->job, free_task);
        probe->task = NULL;
    }
    free_probe(probe);
}

const struct kms_probe_type *kms_report_probe(void)
{
    static const struct kms_probe_type type = {
        .name = "report", .source = KMS_SOURCE_REPORT, .start = start, .cancel = cancel};
    return &type;
}
