/* A few threads for jobs that may block; what they finished is handed over on the loop's thread. */
#include "probe/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum job_state { JOB_WAITS, JOB_RUNS, JOB_ENDED };

struct kms_job {
    struct kms_worker *worker;
    struct kms_job *next;
    enum job_state state;
    bool abandoned;
    bool released; /* abandoned, but to be worked on even when the worker ends */
    kms_job_fn *work;
    kms_job_fn *done; /* drop, once abandoned; may be NULL then */
    void *data;
};

struct job_list {
    struct kms_job *first, *last;
    size_t count;
};

struct thread {
    pthread_t id;
    bool ended; /* it will only release the worker */
    bool left;  /* detached, since it hung for too long */
};

/* Lives until its owner and the last thread are done with it; everything but thread[].id is under
 * the lock. */
struct kms_worker {
    pthread_mutex_t lock;
    pthread_cond_t work_waits; /* for the threads */
    pthread_cond_t one_ended;  /* for kms_worker_free */
    size_t refs;
    struct kms_wake *wake;
    struct job_list waiting, finished;
    size_t idle;
    bool called; /* an idle thread was told to look for work, and has not begun to */
    bool ending; /* threads shall end */
    bool closed; /* the loop's side is gone: nobody collects what is finished */
    size_t threads_max, started, ended;
    struct thread thread[];
};

static void list_push(struct job_list *list, struct kms_job *job)
{
    job->next = NULL;
    if (list->last) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
    list->count++;
}

static struct kms_job *list_pop(struct job_list *list)
{
    struct kms_job *job = list->first;
    if (job) {
        list->first = job->next;
        list->last = list->first ? list->last : NULL;
        list->count--;
    }
    return job;
}

static void list_remove(struct job_list *list, struct kms_job *job)
{
    struct kms_job *before = NULL;
    for (struct kms_job *at = list->first; at && at != job; at = at->next) {
        before = at;
    }
    if (before) {
        before->next = job->next;
    } else {
        list->first = job->next;
    }
    if (list->last == job) {
        list->last = before;
    }
    list->count--;
}

static void release(struct kms_worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    bool last = --worker->refs == 0;
    (void)pthread_mutex_unlock(&worker->lock);
    if (!last) {
        return;
    }
    (void)pthread_cond_destroy(&worker->one_ended);
    (void)pthread_cond_destroy(&worker->work_waits);
    (void)pthread_mutex_destroy(&worker->lock);
    free(worker);
}

/* The job is gone before anybody is called, who may submit or free whatever they like. */
static void hand_over(struct kms_job *job)
{
    kms_job_fn *call = job->done;
    void *data = job->data;
    free(job);
    if (call) {
        call(data);
    }
}

/* On the loop's thread; a callback may free the worker. */
static void collect(void *arg)
{
    struct kms_worker *worker = arg;
    (void)pthread_mutex_lock(&worker->lock);
    worker->refs++;
    while (!worker->closed) {
        struct kms_job *job = list_pop(&worker->finished);
        if (!job) {
            break;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        hand_over(job);
        (void)pthread_mutex_lock(&worker->lock);
    }
    (void)pthread_mutex_unlock(&worker->lock);
    release(worker);
}

/* Called and left with the lock held. */
static void run_job(struct kms_worker *worker, struct kms_job *job)
{
    job->state = JOB_RUNS;
    (void)pthread_mutex_unlock(&worker->lock);
    job->work(job->data);
    (void)pthread_mutex_lock(&worker->lock);
    job->state = JOB_ENDED;
    if (!worker->closed) {
        list_push(&worker->finished, job);
        if (worker->finished.count == 1) { /* else the loop knows already */
            kms_wake_up(worker->wake);
        }
        return;
    }
    /* Left behind: only an abandoned job's data is still ours to give back. */
    if (!job->abandoned) {
        job->done = NULL;
    }
    (void)pthread_mutex_unlock(&worker->lock);
    hand_over(job);
    (void)pthread_mutex_lock(&worker->lock);
}

/* NULL: none is to be begun now. */
static struct kms_job *next_job(struct kms_worker *worker)
{
    if (worker->closed) {
        return NULL;
    }
    struct kms_job *job = worker->waiting.first;
    while (worker->ending && job && !job->released) {
        job = job->next;
    }
    if (job) {
        list_remove(&worker->waiting, job);
    }
    return job;
}

/* One at a time: who comes calls the next one when there is more than it can do, so short jobs are
 * done by the first while long ones have every thread. */
static void call_thread(struct kms_worker *worker)
{
    if (worker->waiting.count > 0 && worker->idle > 0 && !worker->called) {
        worker->called = true;
        (void)pthread_cond_signal(&worker->work_waits);
    }
}

/* The kernel would stop the loop in the middle of a turn to run a job that was just submitted; so
 * it waits for the end of the turn, where there is no other processor, and finds more jobs there.
 * That it cannot be had changes no result. */
static void let_the_loop_go_first(void)
{
    const struct sched_param none = {.sched_priority = 0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

static void *thread_main(void *arg)
{
    struct kms_worker *worker = arg;
    let_the_loop_go_first();
    (void)pthread_mutex_lock(&worker->lock);
    for (;;) {
        struct kms_job *job = next_job(worker);
        if (job) {
            call_thread(worker);
            run_job(worker, job);
            continue;
        }
        if (worker->ending) {
            break;
        }
        worker->idle++;
        (void)pthread_cond_wait(&worker->work_waits, &worker->lock);
        worker->idle--;
        worker->called = false;
    }
    for (size_t i = 0; i < worker->started; i++) {
        if (pthread_equal(worker->thread[i].id, pthread_self())) {
            worker->thread[i].ended = true;
        }
    }
    worker->ended++;
    (void)pthread_cond_signal(&worker->one_ended);
    (void)pthread_mutex_unlock(&worker->lock);
    release(worker);
    return NULL;
}

/* With the lock held, so that a new thread sees its own id. Signals stay with the loop's thread. */
static bool start_thread(struct kms_worker *worker)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&worker->thread[worker->started].id, NULL, thread_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return false;
    }
    worker->started++;
    worker->refs++;
    return true;
}

static bool init_locks(struct kms_worker *worker)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return false;
    }
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_mutex_init(&worker->lock, NULL) == 0;
    if (ok && pthread_cond_init(&worker->work_waits, NULL) != 0) {
        (void)pthread_mutex_destroy(&worker->lock);
        ok = false;
    }
    if (ok && pthread_cond_init(&worker->one_ended, &attr) != 0) {
        (void)pthread_cond_destroy(&worker->work_waits);
        (void)pthread_mutex_destroy(&worker->lock);
        ok = false;
    }
    (void)pthread_condattr_destroy(&attr);
    return ok;
}

struct kms_worker *kms_worker_new(struct kms_loop *loop, size_t threads_max)
{
    struct kms_worker *worker = NULL;
    size_t threads = threads_max == 0 ? 1 : threads_max;
    if (threads > (SIZE_MAX - sizeof *worker) / sizeof worker->thread[0]) {
        return NULL;
    }
    worker = calloc(1, sizeof *worker + threads * sizeof worker->thread[0]);
    if (!worker) {
        return NULL;
    }
    worker->threads_max = threads;
    worker->refs = 1;
    if (!init_locks(worker)) {
        free(worker);
        return NULL;
    }
    worker->wake = kms_wake_new(loop, collect, worker);
    if (!worker->wake) {
        release(worker);
        return NULL;
    }
    return worker;
}

static void wait_for_threads(struct kms_worker *worker, int64_t grace_ms)
{
    struct kms_clock clock = kms_clock_system();
    int64_t until_us = kms_clock_mono_us(&clock) + (grace_ms < 0 ? 0 : grace_ms) * 1000;
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                             .tv_nsec = (long)(until_us % 1000000 * 1000)};
    int waited = 0;
    while (worker->ended < worker->started && waited == 0) {
        waited = pthread_cond_timedwait(&worker->one_ended, &worker->lock, &until);
    }
}

static void leave_hanging(struct kms_worker *worker)
{
    for (size_t i = 0; i < worker->started; i++) {
        if (!worker->thread[i].ended) {
            worker->thread[i].left = true;
            (void)pthread_detach(worker->thread[i].id);
        }
    }
}

/* What nobody waits for any more: abandoned data is given back, the rest belongs to who submitted
 * it. */
static void empty_list(struct job_list list)
{
    for (struct kms_job *job = list_pop(&list); job; job = list_pop(&list)) {
        if (!job->abandoned) {
            job->done = NULL;
        }
        hand_over(job);
    }
}

void kms_worker_free(struct kms_worker *worker, int64_t grace_ms)
{
    if (!worker) {
        return;
    }
    (void)pthread_mutex_lock(&worker->lock);
    worker->ending = true;
    (void)pthread_cond_broadcast(&worker->work_waits);
    wait_for_threads(worker, grace_ms);
    worker->closed = true;
    struct job_list waiting = worker->waiting;
    struct job_list finished = worker->finished;
    worker->waiting = (struct job_list){0};
    worker->finished = (struct job_list){0};
    kms_wake_free(worker->wake);
    worker->wake = NULL;
    leave_hanging(worker);
    (void)pthread_mutex_unlock(&worker->lock);
    for (size_t i = 0; i < worker->started; i++) {
        if (!worker->thread[i].left) {
            (void)pthread_join(worker->thread[i].id, NULL);
        }
    }
    empty_list(waiting);
    empty_list(finished);
    release(worker);
}

struct kms_job *kms_worker_submit(struct kms_worker *worker, kms_job_fn *work, kms_job_fn *done,
                                  void *data)
{
    struct kms_job *job = calloc(1, sizeof *job);
    if (!job) {
        return NULL;
    }
    *job = (struct kms_job){.worker = worker, .work = work, .done = done, .data = data};
    (void)pthread_mutex_lock(&worker->lock);
    list_push(&worker->waiting, job);
    bool all_busy = worker->waiting.count > worker->idle;
    if (all_busy && worker->started < worker->threads_max && !start_thread(worker) &&
        worker->started == 0) {
        list_remove(&worker->waiting, job);
        free(job);
        job = NULL;
    }
    call_thread(worker);
    (void)pthread_mutex_unlock(&worker->lock);
    return job;
}

void kms_job_abandon(struct kms_job *job, kms_job_fn *drop)
{
    struct kms_worker *worker = job->worker;
    (void)pthread_mutex_lock(&worker->lock);
    job->abandoned = true;
    job->done = drop;
    bool now = job->state == JOB_WAITS;
    if (now) {
        list_remove(&worker->waiting, job);
    }
    (void)pthread_mutex_unlock(&worker->lock);
    if (now) {
        hand_over(job);
    }
}

void kms_job_release(struct kms_job *job, kms_job_fn *drop)
{
    struct kms_worker *worker = job->worker;
    (void)pthread_mutex_lock(&worker->lock);
    job->abandoned = true;
    job->released = true;
    job->done = drop;
    (void)pthread_mutex_unlock(&worker->lock);
}
