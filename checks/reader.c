/* Runs the probes of the sources that tell everything over a list of targets. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http.h"
#include "probe/probe.h"
#include "probe/worker.h"
#include "report/probe.h"
#include "wsman/logins.h"
#include "wsman/probe.h"

#define TURN_MS 200

struct reader {
    struct kms_env env;
    const struct kms_read_setup *setup;
    struct kms_reading *readings;
    size_t count, started, finished;
    struct slot *slots;
    bool failed; /* a result could not be kept */
};

struct slot {
    struct reader *reader;
    struct kms_reading *reading;
    struct kms_run *run; /* NULL once done */
};

static bool is_wsman(const struct kms_reading *reading)
{
    return reading->source == KMS_SOURCE_WSMAN;
}

static const struct kms_probe_type *type_of(const struct kms_reading *reading)
{
    return is_wsman(reading) ? kms_wsman_probe() : kms_report_probe();
}

static void done(void *arg, const struct kms_result *result)
{
    struct slot *slot = arg;

    slot->run = NULL;
    slot->reader->finished++;
    kms_result_done(slot->reading->result);
    if (kms_result_copy(slot->reading->result, result) != KMS_OK) {
        kms_result_init(slot->reading->result, type_of(slot->reading)->source);
        slot->reader->failed = true;
    }
}

static bool is_http(const char *report)
{
    return kms_text_starts(report, "http://") || kms_text_starts(report, "https://");
}

static bool open_env(struct reader *reader)
{
    struct kms_env *env = &reader->env;
    bool http = false, wsman = false;

    for (size_t i = 0; i < reader->count; i++) {
        const struct kms_reading *reading = &reader->readings[i];
        wsman = wsman || is_wsman(reading);
        http = http || is_wsman(reading) || is_http(reading->target->source[KMS_SOURCE_REPORT].url);
    }
    env->clock = kms_clock_system();
    env->loop = kms_loop_new(&env->clock);
    if (env->loop == NULL) {
        return false;
    }
    env->worker = kms_worker_new(env->loop, reader->setup->at_once);
    if (env->worker != NULL && http) {
        env->http = kms_http_new(env->loop);
    }
    if (env->worker != NULL && wsman) {
        env->logins = kms_logins_new(env->loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY);
    }
    reader->slots = calloc(reader->count, sizeof(*reader->slots));
    return env->worker != NULL && (env->http != NULL || !http) && (env->logins != NULL || !wsman) &&
           reader->slots != NULL;
}

static void close_env(struct reader *reader)
{
    for (size_t i = 0; i < reader->started; i++) {
        kms_run_cancel(reader->slots[i].run);
    }
    free(reader->slots);
    if (reader->env.http != NULL) {
        kms_http_free(reader->env.http);
    }
    kms_logins_free(reader->env.logins, 0);
    if (reader->env.worker != NULL) {
        kms_worker_free(reader->env.worker, 0);
    }
    if (reader->env.loop != NULL) {
        kms_loop_free(reader->env.loop);
    }
}

static bool start_next(struct reader *reader)
{
    struct slot *slot = &reader->slots[reader->started];

    slot->reader = reader;
    slot->reading = &reader->readings[reader->started];
    reader->started++;
    slot->run = kms_run_start(&reader->env, type_of(slot->reading), slot->reading->target, done,
                              slot);
    return slot->run != NULL;
}

static int64_t elapsed_ms(const struct reader *reader, int64_t start_us)
{
    return (kms_clock_mono_us(&reader->env.clock) - start_us) / 1000;
}

static enum kms_read_end read_all(struct reader *reader)
{
    const struct kms_read_setup *setup = reader->setup;
    int64_t start_us = kms_clock_mono_us(&reader->env.clock);
    int64_t elapsed = 0;

    while (reader->finished < reader->count) {
        int64_t wait_ms = TURN_MS;
        while (reader->started < reader->count &&
               reader->started - reader->finished < setup->at_once) {
            if (!start_next(reader)) {
                return KMS_READ_NO_MEMORY;
            }
        }
        if (setup->limit_ms > 0 && setup->limit_ms - elapsed < wait_ms) {
            wait_ms = setup->limit_ms - elapsed;
        }
        kms_loop_once(reader->env.loop, wait_ms > 0 ? wait_ms : 1);
        elapsed = elapsed_ms(reader, start_us);
        if (setup->progress != NULL) {
            setup->progress(setup->arg, reader->finished, reader->count, elapsed);
        }
        if (setup->limit_ms > 0 && elapsed >= setup->limit_ms && reader->finished < reader->count) {
            return KMS_READ_LATE;
        }
    }
    return reader->failed ? KMS_READ_NO_MEMORY : KMS_READ_DONE;
}

enum kms_read_end kms_read_reports(const struct kms_read_setup *setup, struct kms_reading *readings,
                                   size_t count, int64_t *ret_now_s)
{
    struct reader reader = {.setup = setup, .readings = readings, .count = count};
    enum kms_read_end end = KMS_READ_NO_MEMORY;

    if (open_env(&reader)) {
        end = read_all(&reader);
        *ret_now_s = kms_clock_wall_s(&reader.env.clock);
    }
    close_env(&reader);
    return end;
}

/* Behind "scheme://", or the text itself. */
static const char *behind_scheme(const char *report)
{
    const char *mark = strstr(report, "://");

    return mark != NULL ? mark + 3 : report;
}

/* Behind user and password, up to the port. */
static const char *host_part(const char *address, size_t *ret_len)
{
    const char *host = behind_scheme(address);
    size_t len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', len);

    if (at != NULL) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    *ret_len = len;
    return host;
}

/* The last part of a path, which may end in a query, without its ending. */
static const char *last_part(const char *path, size_t *ret_len)
{
    size_t end = strlen(path), begin, dot;

    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--) {
    }
    for (dot = end; dot > begin + 1 && path[dot - 1] != '.'; dot--) {
    }
    *ret_len = dot > begin + 1 ? dot - 1 - begin : end - begin;
    return path + begin;
}

void kms_report_name(const char *report, char *dst, size_t size)
{
    const char *name;
    char path[512];
    size_t len;

    if (kms_text_equal(report, "-")) {
        kms_text_copy(dst, size, "standard input");
        return;
    }
    if (!is_http(report)) {
        name = last_part(report, &len);
        kms_text_clean(dst, size, name, len);
        return;
    }
    name = host_part(report, &len);
    kms_text_clean(dst, size, name, len);
    kms_text_format(path, sizeof(path), "%.*s", (int)strcspn(name + len, "?#"), name + len);
    name = last_part(path, &len);
    if (len > 0) {
        kms_text_clean(dst, size, name, len);
    }
}

void kms_report_show(const char *report, char *dst, size_t size)
{
    const char *rest = behind_scheme(report);
    const char *at = memchr(rest, '@', strcspn(rest, "/?#"));
    char raw[1024];

    if (is_http(report) && at != NULL) {
        kms_text_format(raw, sizeof(raw), "%.*s%s", (int)(rest - report), report, at + 1);
    } else {
        kms_text_copy(raw, sizeof(raw), report);
    }
    kms_text_clean(dst, size, raw, strlen(raw));
}
