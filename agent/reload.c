/* Read on a thread, compared there with what is in force, and swapped in on the loop in slices. */
#include "agent/reload.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/news.h"
#include "agent/site_diff.h"
#include "agent/swap.h"
#include "base/text.h"
#include "probe/worker.h"

#define SLICE_US        INT64_C(2000) /* of the loop; SNMP is answered between two of them */
#define PAUSE_MS        1000          /* while there is no memory */
#define ERRORS_TEXT_MAX ((size_t)64 << 10)
#define SUMMARY_MAX     1024

/* What the thread works on; the loop's before and after. */
struct load {
    struct kms_reload *reload; /* not for the thread */
    enum kms_status (*read)(void *read_arg, struct kms_site *ret_site, struct kms_buf *errors);
    void *read_arg;
    pthread_mutex_t mutex; /* held while the thread looks at the board's targets */
    bool unwanted;         /* they may be gone */
    struct kms_swap_hosts was;
    enum kms_status status;
    bool has_site;
    struct kms_site site;
    struct kms_site_diff diff;
    struct kms_buf errors;
};

struct waiter {
    kms_reload_done_fn *done;
    void *arg;
};

struct waiters {
    struct waiter *waiter;
    size_t count, cap;
};

struct kms_reload {
    struct kms_reload_config config;
    struct waiters now, later; /* of the run, and of the one after it */
    bool again;
    bool running;
    struct kms_timer *timer; /* for the next slice */
    struct kms_job *job;     /* NULL: the thread has nothing to do */
    struct load *load;       /* NULL: nothing is read */
    struct kms_swap *swap;
    bool settled;
    bool policy_is_new;
    size_t judged; /* slots */
    bool told_no_memory;
    int64_t begun_us;
};

static bool run(struct kms_reload *reload);

/* ---- on the thread ---- */

static void compare(struct load *load)
{
    (void)pthread_mutex_lock(&load->mutex);
    if (!load->unwanted) {
        load->status = kms_site_diff(load->was.target, load->was.count, load->site.host,
                                     load->site.host_count, &load->diff);
    }
    (void)pthread_mutex_unlock(&load->mutex);
}

static void read_site(void *data)
{
    struct load *load = data;
    load->status = load->read(load->read_arg, &load->site, &load->errors);
    load->has_site = load->status == KMS_OK;
    if (load->has_site) {
        compare(load);
    }
}

static void free_load(void *data)
{
    struct load *load = data;
    kms_swap_hosts_done(&load->was);
    kms_site_diff_done(&load->diff);
    if (load->has_site) {
        kms_site_free(&load->site);
    }
    kms_buf_done(&load->errors);
    (void)pthread_mutex_destroy(&load->mutex);
    free(load);
}

/* ---- who waits ---- */

static bool add_waiter(struct waiters *waiters, kms_reload_done_fn *done, void *arg)
{
    if (!done) {
        return true;
    }
    if (waiters->count == waiters->cap) {
        size_t cap = waiters->cap == 0 ? 4 : waiters->cap * 2;
        struct waiter *grown = realloc(waiters->waiter, cap * sizeof *grown);
        if (!grown) {
            return false;
        }
        waiters->waiter = grown;
        waiters->cap = cap;
    }
    waiters->waiter[waiters->count++] = (struct waiter){done, arg};
    return true;
}

static void forget_waiter(struct waiters *waiters, const void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < waiters->count; i++) {
        if (waiters->waiter[i].arg != arg) {
            waiters->waiter[kept++] = waiters->waiter[i];
        }
    }
    waiters->count = kept;
}

/* One at a time, since each may ask for the next run, or forget another. */
static void answer(struct kms_reload *reload, bool in_force, const char *summary,
                   const char *errors)
{
    while (reload->now.count > 0) {
        struct waiter waiter = reload->now.waiter[--reload->now.count];
        waiter.done(waiter.arg, in_force, summary, errors);
    }
}

/* ---- the end of a run ---- */

/* Those who came meanwhile wait for another one. */
static void finish(struct kms_reload *reload)
{
    struct waiters empty = reload->now;
    reload->running = false;
    reload->now = reload->later;
    reload->later = empty;
    if (reload->again) {
        reload->again = false;
        if (!run(reload)) {
            answer(reload, false, "", "out of memory\n");
        }
    }
}

static void log_errors(const struct kms_reload *reload, const char *errors)
{
    while (*errors) {
        size_t len = strcspn(errors, "\n");
        kms_log_write(reload->config.log, KMS_LOG_ERROR, "reload: %.*s", (int)len, errors);
        errors += len + (errors[len] ? 1 : 0);
    }
    kms_log_write(reload->config.log, KMS_LOG_ERROR,
                  "reload: rejected, all stays as it was; kmsmond -t checks a configuration before "
                  "it is used");
}

static void reject(struct kms_reload *reload, const char *errors)
{
    reload->config.facts->config_result = KMS_CONFIG_REJECTED;
    log_errors(reload, errors);
    answer(reload, false, "rejected, all stays as it was", errors);
}

/* Thousands of hosts are freed where nobody waits for it. */
struct rubbish {
    struct load *load; /* NULL: done */
};

static void free_rubbish(void *data)
{
    struct rubbish *rubbish = data;
    free_load(rubbish->load);
    rubbish->load = NULL;
    (void)malloc_trim(0); /* twice what a site takes was in use for a moment */
}

static void drop_rubbish(void *data)
{
    struct rubbish *rubbish = data;
    if (rubbish->load) {
        free_load(rubbish->load);
    }
    free(rubbish);
}

static void discard(struct kms_reload *reload)
{
    struct rubbish *rubbish = malloc(sizeof *rubbish);
    struct kms_job *job = NULL;
    struct load *load = reload->load;
    reload->load = NULL;
    if (rubbish) {
        rubbish->load = load;
        job = kms_worker_submit(reload->config.env->worker, free_rubbish, drop_rubbish, rubbish);
    }
    if (job) {
        kms_job_release(job, drop_rubbish);
    } else {
        free_load(load);
        free(rubbish);
    }
}

static void count_text(char *dst, size_t size, const struct kms_site_diff *diff)
{
    kms_text_format(dst, size, "%zu host%s added, %zu removed, %zu changed, %zu unchanged",
                    diff->added_count, diff->added_count == 1 ? "" : "s", diff->removed_count,
                    diff->changed_count, diff->unchanged);
}

/* Before the site is moved. */
static void summarize(const struct kms_reload *reload, char *dst, size_t size)
{
    struct kms_buf waits;
    kms_buf_init(&waits, SUMMARY_MAX / 2);
    count_text(dst, size, &reload->load->diff);
    if (kms_site_unmoved(reload->config.site, &reload->load->site, reload->config.with_port,
                         &waits) == KMS_OK &&
        waits.len > 0) {
        kms_text_append(dst, size, "; after a restart: %s", kms_buf_str(&waits));
    }
    kms_buf_done(&waits);
}

#define EXCHANGE(type, a, b) \
    do {                     \
        type kept = (a);     \
        (a) = (b);           \
        (b) = kept;          \
    } while (0)

/* What cannot be moved stays, and what others point to stays where it is. */
static void move_site(struct kms_site *site, struct kms_site *next)
{
    EXCHANGE(char *, site->agentx, next->agentx);
    EXCHANGE(int64_t, site->ping_ms, next->ping_ms);
    EXCHANGE(char *, site->state_dir, next->state_dir);
    EXCHANGE(char *, site->user, next->user);
    EXCHANGE(char *, site->group, next->group);
    EXCHANGE(struct kms_site_snmp, site->snmp, next->snmp);
    EXCHANGE(struct kms_site_control, site->control, next->control);
    EXCHANGE(struct kms_site_store, site->store, next->store);
    EXCHANGE(struct kms_products, site->products, next->products);
    EXCHANGE(struct kms_site, *site, *next);
}

bool kms_reload_tell_loss(const struct kms_agent_facts *facts, struct kms_reload_loss *ret)
{
    size_t lost = facts->config_lost_hosts;
    if (lost == 0) {
        return false;
    }
    if (lost == 1) {
        kms_text_copy(ret->text, sizeof ret->text,
                      "the only host that was configured is gone, and its alarms with it");
    } else {
        kms_text_format(ret->text, sizeof ret->text,
                        "all %zu hosts that were configured are gone, and their alarms with them",
                        lost);
    }
    kms_text_copy(
        ret->next, sizeof ret->next,
        "if that was not meant, put them back and reload; if it was, one more reload ends "
        "this warning");
    return true;
}

static void warn_of_loss(const struct kms_reload_config *config)
{
    struct kms_reload_loss loss;
    if (kms_reload_tell_loss(config->facts, &loss)) {
        kms_log_write(config->log, KMS_LOG_WARNING, "reload: %s; %s", loss.text, loss.next);
    }
}

/* Before the site is moved. */
static size_t lost_hosts(const struct load *load)
{
    return load->site.host_count == 0 ? load->diff.removed_count : 0;
}

static void end_swap(struct kms_reload *reload)
{
    const struct kms_reload_config *config = &reload->config;
    char summary[SUMMARY_MAX];
    int64_t took_us = kms_clock_mono_us(&config->env->clock) - reload->begun_us;
    summarize(reload, summary, sizeof summary);
    config->facts->config_lost_hosts = lost_hosts(reload->load);
    move_site(config->site, &reload->load->site);
    discard(reload);
    kms_site_forget_hosts(config->site);
    config->facts->config_loaded_s = kms_clock_wall_s(&config->env->clock);
    config->facts->config_result = KMS_CONFIG_OK;
    kms_log_write(config->log, KMS_LOG_INFO, "reload: in force after %" PRId64 " ms: %s",
                  took_us / 1000, summary);
    warn_of_loss(config);
    config->over(config->arg);
    answer(reload, true, summary, "");
    finish(reload);
}

/* ---- the swap ---- */

static enum kms_status swap_hosts(struct kms_reload *reload, int64_t until_us)
{
    if (!reload->swap) {
        return KMS_OK;
    }
    enum kms_status status = kms_swap_go_on(reload->swap, &reload->config.env->clock, until_us);
    if (status == KMS_OK) {
        kms_swap_free(reload->swap);
        reload->swap = NULL;
    }
    return status;
}

static enum kms_status settle(struct kms_reload *reload)
{
    if (reload->settled) {
        return KMS_OK;
    }
    enum kms_status status = reload->config.settle(reload->config.arg, &reload->load->site);
    reload->settled = status == KMS_OK;
    return status == KMS_OK ? KMS_EBUSY : status; /* that was enough for a turn */
}

static enum kms_status judge_again(struct kms_reload *reload, int64_t until_us)
{
    const struct kms_reload_config *config = &reload->config;
    while (reload->policy_is_new && reload->judged < kms_board_count(config->board)) {
        struct kms_change change = {0};
        if (kms_board_tick(config->board, reload->judged, &change) != KMS_OK) {
            return KMS_ENOMEM;
        }
        if (change.was_state != change.is_state) {
            kms_news_state(config->log, kms_board_snapshot(config->board, reload->judged), &change);
        }
        reload->judged++;
        if (kms_clock_mono_us(&config->env->clock) >= until_us) {
            return KMS_EBUSY;
        }
    }
    return KMS_OK;
}

static enum kms_status slice(struct kms_reload *reload)
{
    int64_t until_us = kms_clock_mono_us(&reload->config.env->clock) + SLICE_US;
    enum kms_status status = swap_hosts(reload, until_us);
    if (status == KMS_OK) {
        status = settle(reload);
    }
    return status == KMS_OK ? judge_again(reload, until_us) : status;
}

static void go_on(void *arg)
{
    struct kms_reload *reload = arg;
    enum kms_status status = slice(reload);
    if (status == KMS_OK) {
        end_swap(reload);
        return;
    }
    if (status == KMS_ENOMEM && !reload->told_no_memory) {
        reload->told_no_memory = true;
        kms_log_write(reload->config.log, KMS_LOG_ERROR,
                      "reload: out of memory; it is in force in part, and goes on when there is "
                      "some");
    }
    kms_timer_set(reload->timer, status == KMS_ENOMEM ? PAUSE_MS : 0);
}

static void begin_swap(struct kms_reload *reload)
{
    const struct kms_reload_config *config = &reload->config;
    struct kms_site *next = &reload->load->site;
    reload->settled = false;
    reload->judged = 0;
    reload->told_no_memory = false;
    reload->policy_is_new = memcmp(&config->site->policy, &next->policy, sizeof next->policy) != 0;
    kms_board_set_policy(config->board, &next->policy);
    if (config->site->interval_ms != next->interval_ms) {
        kms_scheduler_set_interval(config->scheduler, next->interval_ms);
        config->facts->interval_s = next->interval_ms / 1000;
    }
    kms_scheduler_set_back_off(config->scheduler, (unsigned)next->back_off_max);
    config->begin(config->arg, next);
    kms_timer_set(reload->timer, 0);
}

static bool open_swap(struct kms_reload *reload)
{
    const struct kms_reload_config *config = &reload->config;
    const struct kms_swap_config swap = {.board = config->board,
                                         .scheduler = config->scheduler,
                                         .lookups = config->lookups,
                                         .log = config->log,
                                         .interval_ms = reload->load->site.interval_ms,
                                         .number_of_host = config->number_of_host,
                                         .arg = config->arg};
    reload->swap = kms_swap_new(&swap, &reload->load->was, reload->load->site.host,
                                &reload->load->diff);
    return reload->swap != NULL;
}

/* On the loop again. */
static void has_read(void *data)
{
    struct load *load = data;
    struct kms_reload *reload = load->reload;
    reload->job = NULL;
    bool good = load->status == KMS_OK &&
                reload->config.prepare(reload->config.arg, &load->site, &load->errors);
    if (good && open_swap(reload)) {
        begin_swap(reload);
        return;
    }
    reject(reload, load->errors.len > 0 ? kms_buf_str(&load->errors) : "out of memory\n");
    discard(reload);
    finish(reload);
}

/* ---- starting ---- */

static struct load *new_load(struct kms_reload *reload)
{
    struct load *load = calloc(1, sizeof *load);
    if (!load) {
        return NULL;
    }
    load->reload = reload;
    load->read = reload->config.load;
    load->read_arg = reload->config.load_arg;
    kms_buf_init(&load->errors, ERRORS_TEXT_MAX);
    if (pthread_mutex_init(&load->mutex, NULL) != 0) {
        free(load);
        return NULL;
    }
    if (kms_swap_hosts(reload->config.board, &load->was) != KMS_OK) {
        free_load(load);
        return NULL;
    }
    return load;
}

static bool run(struct kms_reload *reload)
{
    struct load *load = new_load(reload);
    if (!load) {
        return false;
    }
    reload->job = kms_worker_submit(reload->config.env->worker, read_site, has_read, load);
    if (!reload->job) {
        free_load(load);
        return false;
    }
    reload->load = load;
    reload->running = true;
    reload->begun_us = kms_clock_mono_us(&reload->config.env->clock);
    return true;
}

bool kms_reload_start(struct kms_reload *reload, kms_reload_done_fn *done, void *arg)
{
    struct waiters *waiters = reload->running ? &reload->later : &reload->now;
    if (!add_waiter(waiters, done, arg)) {
        return false;
    }
    if (reload->running) {
        reload->again = true;
        return true;
    }
    if (!run(reload)) {
        waiters->count -= done ? 1 : 0;
        return false;
    }
    return true;
}

void kms_reload_forget(struct kms_reload *reload, void *arg)
{
    forget_waiter(&reload->now, arg);
    forget_waiter(&reload->later, arg);
}

struct kms_reload *kms_reload_new(const struct kms_reload_config *config)
{
    struct kms_reload *reload = calloc(1, sizeof *reload);
    if (!reload) {
        return NULL;
    }
    reload->config = *config;
    reload->timer = kms_timer_new(config->env->loop, go_on, reload);
    if (!reload->timer) {
        free(reload);
        return NULL;
    }
    return reload;
}

/* The thread may read on for as long as it likes, but not what the board is about to free. */
static void abandon(struct kms_reload *reload)
{
    struct load *load = reload->load;
    (void)pthread_mutex_lock(&load->mutex);
    load->unwanted = true;
    (void)pthread_mutex_unlock(&load->mutex);
    kms_job_abandon(reload->job, free_load);
}

void kms_reload_free(struct kms_reload *reload)
{
    if (!reload) {
        return;
    }
    kms_swap_free(reload->swap);
    if (reload->job) {
        abandon(reload);
    } else if (reload->load) {
        free_load(reload->load);
    }
    kms_timer_free(reload->timer);
    free(reload->now.waiter);
    free(reload->later.waiter);
    free(reload);
}
