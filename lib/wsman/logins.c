/* A worker with a line of waiting jobs in front of it. */
#include "wsman/logins.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/text.h"

struct kms_login_job {
    struct kms_logins *logins; /* NULL once they are gone */
    struct kms_login_job *next;
    struct kms_job *job; /* NULL while it waits in line */
    char *key;
    kms_job_fn *work, *done, *drop;
    void *data;
};

/* A key that was refused. */
struct rest {
    struct rest *next;
    char *key;
    int64_t until_us;
    char why[KMS_LOGINS_REST_SIZE];
};

/* On the loop's thread alone. All jobs that wait or run, in the order in which they came. */
struct kms_logins {
    struct kms_worker *worker;
    struct kms_login_job *first;
    struct rest *rest; /* one a key */
    size_t of_key_max;
};

static void free_job(struct kms_login_job *job)
{
    free(job->key);
    free(job);
}

static void unlink_job(struct kms_login_job *job)
{
    struct kms_login_job **at = &job->logins->first;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

static size_t running_of(const struct kms_logins *logins, const char *key)
{
    size_t count = 0;
    for (const struct kms_login_job *job = logins->first; job; job = job->next) {
        count += job->job && kms_text_equal(job->key, key) ? 1 : 0;
    }
    return count;
}

static void work(void *data)
{
    const struct kms_login_job *job = data;
    job->work(job->data);
}

static void work_ended(void *data);

static bool begin(struct kms_login_job *job)
{
    job->job = kms_worker_submit(job->logins->worker, work, work_ended, job);
    return job->job != NULL;
}

/* Those that no memory was found for stay in line until the next one ends. The line may be as long
 * as there are hosts, nearly all of one key: that one is counted once. */
static void begin_waiting(struct kms_logins *logins)
{
    const char *busy = NULL;
    for (struct kms_login_job *job = logins->first; job; job = job->next) {
        if (job->job || (busy && kms_text_equal(job->key, busy))) {
            continue;
        }
        if (running_of(logins, job->key) >= logins->of_key_max) {
            busy = job->key;
        } else if (!begin(job)) {
            return;
        }
    }
}

/* The job is gone before anybody is called, who may submit or abandon others. */
static void hand_over(struct kms_login_job *job, kms_job_fn *call)
{
    struct kms_logins *logins = job->logins;
    void *data = job->data;
    if (logins) {
        unlink_job(job);
        if (job->job) { /* else nobody's place became free */
            begin_waiting(logins);
        }
    }
    free_job(job);
    if (call) {
        call(data);
    }
}

static void work_ended(void *data)
{
    struct kms_login_job *job = data;
    hand_over(job, job->done);
}

/* Of an abandoned job; on a thread left behind when the logins are gone. */
static void work_dropped(void *data)
{
    struct kms_login_job *job = data;
    hand_over(job, job->drop);
}

struct kms_logins *kms_logins_new(struct kms_loop *loop, size_t threads_max, size_t of_key_max)
{
    struct kms_logins *logins = calloc(1, sizeof *logins);
    if (!logins) {
        return NULL;
    }
    logins->of_key_max = of_key_max == 0 ? 1 : of_key_max;
    logins->worker = kms_worker_new(loop, threads_max);
    if (!logins->worker) {
        free(logins);
        return NULL;
    }
    return logins;
}

void kms_logins_free(struct kms_logins *logins, int64_t grace_ms)
{
    if (!logins) {
        return;
    }
    struct kms_login_job *next = NULL;
    for (struct kms_login_job *job = logins->first; job; job = next) {
        next = job->next;
        job->logins = NULL;
    }
    kms_worker_free(logins->worker, grace_ms);
    while (logins->rest) {
        struct rest *rest = logins->rest;
        logins->rest = rest->next;
        free(rest->key);
        free(rest);
    }
    free(logins);
}

struct kms_login_job *kms_logins_submit(struct kms_logins *logins, const char *key,
                                        kms_job_fn *to_work, kms_job_fn *done, void *data)
{
    struct kms_login_job *job = calloc(1, sizeof *job);
    if (!job) {
        return NULL;
    }
    *job = (struct kms_login_job){
        .logins = logins, .key = kms_text_dup(key), .work = to_work, .done = done, .data = data};
    bool first = job->key && running_of(logins, key) < logins->of_key_max;
    if (!job->key || (first && !begin(job))) {
        free_job(job);
        return NULL;
    }
    struct kms_login_job **at = &logins->first;
    while (*at) {
        at = &(*at)->next;
    }
    *at = job;
    return job;
}

void kms_logins_abandon(struct kms_login_job *job, kms_job_fn *drop)
{
    job->drop = drop;
    if (job->job) {
        kms_job_abandon(job->job, work_dropped);
        return;
    }
    hand_over(job, drop);
}

/* ---- keys that were refused ---- */

static struct rest *find_rest(const struct kms_logins *logins, const char *key)
{
    struct rest *rest = logins->rest;
    while (rest && !kms_text_equal(rest->key, key)) {
        rest = rest->next;
    }
    return rest;
}

static struct rest *add_rest(struct kms_logins *logins, const char *key)
{
    struct rest *rest = calloc(1, sizeof *rest);
    char *copy = kms_text_dup(key);
    if (!rest || !copy) {
        free(rest);
        free(copy);
        return NULL;
    }
    rest->key = copy;
    rest->next = logins->rest;
    logins->rest = rest;
    return rest;
}

void kms_logins_rest(struct kms_logins *logins, const char *key, int64_t until_us, const char *why)
{
    struct rest *rest = find_rest(logins, key);
    rest = rest ? rest : add_rest(logins, key);
    if (rest) {
        rest->until_us = until_us;
        kms_text_copy(rest->why, sizeof rest->why, why);
    }
}

const char *kms_logins_rests(const struct kms_logins *logins, const char *key, int64_t now_us)
{
    const struct rest *rest = find_rest(logins, key);
    return rest && now_us < rest->until_us ? rest->why : NULL;
}
