/* A state file goes to the disk on a worker's thread, one write after the other. */
#include "agent/file_writer.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"

#define EVERY_MS  1000 /* the first round of a large site makes many numbers */
#define FILE_MODE 0640

struct kms_file_writer {
    struct kms_loop *loop;
    struct kms_worker *worker;
    struct kms_file_source source;
    const struct kms_log *log;
    struct kms_timer *timer;
    struct kms_job *job; /* NULL: no write runs */
    bool planned;
    bool failed;      /* the last write did; said once */
    int64_t tried_us; /* when a write last began; 0: never */
};

/* What the worker's thread gets: nothing in it is shared. */
struct write_job {
    struct kms_file_writer *writer;
    char *path;
    struct kms_buf text;
    uint64_t mark;
    enum kms_status status;
    struct kms_fault fault;
};

static void free_job(void *data)
{
    struct write_job *job = data;
    kms_buf_done(&job->text);
    free(job->path);
    free(job);
}

static void say(struct kms_file_writer *writer, bool failed, const char *why)
{
    if (failed && !writer->failed) {
        kms_log_write(writer->log, KMS_LOG_WARNING,
                      "%s: %s; %s kept in memory, the next poll tries again", writer->source.name,
                      why, writer->source.kept);
    } else if (!failed && writer->failed) {
        kms_log_write(writer->log, KMS_LOG_INFO, "%s: saved again", writer->source.name);
    }
    writer->failed = failed;
}

static void work(void *data)
{
    struct write_job *job = data;
    job->status = kms_file_keep(job->path, job->text.data, job->text.len, FILE_MODE, &job->fault);
}

static void written(void *data)
{
    struct write_job *job = data;
    struct kms_file_writer *writer = job->writer;
    writer->job = NULL;
    if (job->status == KMS_OK) {
        writer->source.saved(writer->source.arg, job->mark);
    }
    say(writer, job->status != KMS_OK, job->fault.text);
    bool more = job->status == KMS_OK && writer->source.unsaved(writer->source.arg);
    free_job(job);
    if (more) {
        kms_file_writer_poke(writer);
    }
}

static void begin(struct kms_file_writer *writer)
{
    writer->planned = false;
    writer->tried_us = kms_clock_mono_us(kms_loop_clock(writer->loop));
    struct write_job *job = calloc(1, sizeof *job);
    if (!job) {
        say(writer, true, kms_status_text(KMS_ENOMEM));
        return;
    }
    job->writer = writer;
    job->path = kms_text_dup(writer->source.path);
    enum kms_status status = writer->source.render(writer->source.arg, &job->text, &job->mark);
    if (status == KMS_OK && job->path) {
        writer->job = kms_worker_submit(writer->worker, work, written, job);
    }
    if (!writer->job) {
        say(writer, true, kms_status_text(status == KMS_OK ? KMS_ENOMEM : status));
        free_job(job);
    }
}

static void time_has_come(void *arg)
{
    struct kms_file_writer *writer = arg;
    if (!writer->job) {
        begin(writer);
    }
}

struct kms_file_writer *kms_file_writer_open(struct kms_loop *loop, struct kms_worker *worker,
                                             const struct kms_file_source *source,
                                             const struct kms_log *log)
{
    struct kms_file_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return NULL;
    }
    writer->loop = loop;
    writer->worker = worker;
    writer->source = *source;
    writer->log = log;
    writer->timer = kms_timer_new(loop, time_has_come, writer);
    if (!writer->timer) {
        free(writer);
        return NULL;
    }
    return writer;
}

void kms_file_writer_poke(struct kms_file_writer *writer)
{
    if (writer->planned || writer->job || !writer->source.unsaved(writer->source.arg)) {
        return;
    }
    int64_t since_ms = (kms_clock_mono_us(kms_loop_clock(writer->loop)) - writer->tried_us) / 1000;
    if (writer->tried_us == 0 || since_ms >= EVERY_MS) {
        begin(writer);
        return;
    }
    writer->planned = true;
    kms_timer_set(writer->timer, EVERY_MS - since_ms);
}

/* The loop has ended: it turns a little longer for the write that runs. */
static void wait_for_write(struct kms_file_writer *writer, int64_t grace_ms)
{
    const struct kms_clock *clock = kms_loop_clock(writer->loop);
    int64_t until_us = kms_clock_mono_us(clock) + grace_ms * 1000;
    for (;;) {
        int64_t left_ms = (until_us - kms_clock_mono_us(clock)) / 1000;
        if (!writer->job || left_ms <= 0) {
            return;
        }
        kms_loop_once(writer->loop, left_ms);
    }
}

/* On this thread: the loop has ended. */
static void save(struct kms_file_writer *writer)
{
    const struct kms_file_source *source = &writer->source;
    struct kms_fault fault = {0};
    struct kms_buf text;
    uint64_t mark;
    if (!source->unsaved(source->arg)) {
        say(writer, false, "");
        return;
    }
    enum kms_status status = source->render(source->arg, &text, &mark);
    if (status != KMS_OK) {
        say(writer, true, kms_status_text(status));
        return;
    }
    status = kms_file_keep(source->path, text.data, text.len, FILE_MODE, &fault);
    if (status == KMS_OK) {
        source->saved(source->arg, mark);
    }
    kms_buf_done(&text);
    say(writer, status != KMS_OK, fault.text);
}

void kms_file_writer_close(struct kms_file_writer *writer, int64_t grace_ms)
{
    if (!writer) {
        return;
    }
    wait_for_write(writer, grace_ms);
    if (writer->job) {
        /* It may still rename its text over the file: a later save would race with it. */
        kms_log_write(writer->log, KMS_LOG_WARNING,
                      "%s: writing it hangs; what changed since is not saved", writer->source.name);
        kms_job_abandon(writer->job, free_job);
    } else {
        save(writer);
    }
    kms_timer_free(writer->timer);
    free(writer);
}
