/* One poll: the plan from what is remembered, at most one request and one step back, and what came
 * of it into the memory. Files are touched by the worker alone. */
#include "rpc/activation.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock_sync.h"
#include "base/entropy.h"
#include "base/text.h"
#include "net/address.h"
#include "net/resolve.h"
#include "probe/worker.h"
#include "rpc/call.h"
#include "rpc/identity.h"
#include "rpc/memory.h"
#include "rpc/plan.h"
#include "rpc/session.h"
#include "vocab/hresult.h"
#include "vocab/product.h"

/* What the worker's jobs use. Between jobs it belongs to the loop's thread; while one runs the loop
 * only reads it. */
struct task {
    struct kms_probe *probe; /* for the loop's thread only; gone when the job was given up */
    char *state_dir, *address;
    uint16_t port;
    int64_t now_s; /* wall clock when the job was submitted */
    struct kms_known_key key;
    struct kms_plan_about about;
    struct kms_guid cmid;
    struct kms_memory_file file;
    struct kms_memory memory;
    struct kms_step step;
    char peer[KMS_ADDRESS_TEXT + 8]; /* that was asked in this poll; "": none was */
    bool ask;                        /* a request is due, and the disk knows of it */
    bool last;                       /* nothing follows this job: give the lock back */
    atomic_bool unwanted;            /* by the loop, while the first job runs: nobody will send */
    /* Of our own side: why there is no answer; NONE: nothing is wrong. */
    enum kms_outcome outcome;
    char detail[KMS_DETAIL_SIZE];
};

struct kms_probe {
    struct kms_env *env;
    const struct kms_target *target;
    kms_done_fn *done;
    void *arg;
    struct task *task;
    struct kms_job *job;         /* NULL: none runs */
    struct kms_session *session; /* NULL: none is open */
    struct kms_timer *timer;     /* tells what was known inside start; ends the watch */
    bool sent;                   /* the request of this session */
    bool answered;               /* what came of a request is in the memory */
    int64_t answered_us;         /* of an answer whose connection is watched on; 0: none */
    int64_t waited_us;
    struct kms_ask ask;
    uint8_t request[KMS_CALL_MAX];
    struct kms_call call;
};

static void free_task(void *data)
{
    struct task *task = data;
    if (!task) {
        return;
    }
    kms_memory_close(&task->file);
    free(task->state_dir);
    free(task->address);
    free(task);
}

static void free_probe(struct kms_probe *probe)
{
    kms_session_free(probe->session);
    kms_timer_free(probe->timer);
    free_task(probe->task);
    free(probe);
}

static int64_t wall_s(const struct kms_probe *probe)
{
    return kms_clock_wall_s(&probe->env->clock);
}

static int64_t up_s(const struct kms_probe *probe)
{
    return kms_clock_mono_us(&probe->env->clock) / 1000000;
}

/* ---- in the worker ---- */

static void give_up(struct task *task, enum kms_status status, const struct kms_fault *fault)
{
    task->ask = false;
    task->outcome = status == KMS_ENOMEM ? KMS_OUTCOME_NO_MEMORY
                                         : KMS_OUTCOME_ACTIVATION_NO_IDENTITY;
    kms_text_clean(task->detail, sizeof task->detail, fault->text, strlen(fault->text));
}

/* Only what lets a request out is waited for until the disk has it. */
static enum kms_status remember(struct task *task, struct kms_fault *fault)
{
    return task->ask ? kms_memory_save(&task->file, &task->memory, fault)
                     : kms_memory_save_soon(&task->file, &task->memory, fault);
}

/* Another probe of the host holds the lock: what it left there before is told. */
static enum kms_status read_memory(struct task *task, struct kms_fault *fault)
{
    enum kms_status locked = kms_memory_lock(&task->file, fault);
    if (locked != KMS_OK && locked != KMS_EBUSY) {
        return locked;
    }
    if (locked == KMS_EBUSY) {
        kms_text_copy(task->step.why, sizeof task->step.why, fault->text);
    }
    enum kms_status status = kms_memory_load(&task->file, &task->memory, fault);
    task->ask = status == KMS_OK && locked == KMS_OK;
    return status;
}

static enum kms_status make_plan(struct task *task, struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    task->step = kms_plan_next(&task->memory, &task->about, task->now_s);
    task->ask = task->step.kind == KMS_PLAN_ASK;
    if (task->ask) {
        kms_plan_begin(&task->memory, &task->step, task->now_s);
    }
    if (task->ask || task->step.save) {
        status = remember(task, fault);
    }
    return status;
}

/* The turn was taken on the disk, and is not used. */
static enum kms_status give_turn_back(struct task *task, struct kms_fault *fault)
{
    const struct kms_plan_answer answer = {.sent = false, .detail = "ended before it was sent"};
    (void)kms_plan_after(&task->memory, &task->about, &task->step, &answer, task->now_s);
    task->ask = false;
    return remember(task, fault);
}

static void open_memory(void *data)
{
    struct task *task = data;
    struct kms_fault fault = {.text = ""};
    enum kms_status status = kms_identity_open(task->state_dir, &task->cmid, &fault);
    if (status == KMS_OK) {
        status = kms_memory_open(task->state_dir, task->address, task->port, &task->file, &fault);
    }
    if (status == KMS_OK) {
        status = read_memory(task, &fault);
    }
    if (status == KMS_OK && task->ask) {
        status = make_plan(task, &fault);
    }
    if (status == KMS_OK && task->ask && atomic_load(&task->unwanted)) {
        status = give_turn_back(task, &fault);
    }
    if (status != KMS_OK) {
        give_up(task, status, &fault);
    }
    if (!task->ask) {
        kms_memory_close(&task->file);
    }
}

static void save_memory(void *data)
{
    struct task *task = data;
    struct kms_fault fault = {.text = ""};
    enum kms_status status = remember(task, &fault);
    if (status != KMS_OK) {
        give_up(task, status, &fault);
    }
    if (task->last) {
        kms_memory_close(&task->file);
    }
}

/* ---- the result ---- */

static void tell_of_memory(const struct kms_probe *probe, struct kms_result *result)
{
    const struct task *task = probe->task;
    enum kms_status status = kms_memory_result(&task->memory, task->about.interval_s, wall_s(probe),
                                               result);
    if (status == KMS_OK && task->peer[0] != '\0') {
        status = kms_facts_set_text(&result->host, KMS_FACT_RPC_ADDRESS, task->peer);
        if (status != KMS_OK) {
            kms_result_done(result);
        }
    }
    if (status != KMS_OK) {
        kms_result_init(result, KMS_SOURCE_ACTIVATION);
        result->outcome = KMS_OUTCOME_NO_MEMORY;
        return;
    }
    if (result->outcome == KMS_OUTCOME_NONE && task->step.why[0]) {
        kms_text_copy(result->detail, sizeof result->detail, task->step.why);
    }
}

/* Every way but the deadline and a cancel ends here, once. */
static void finish(struct kms_probe *probe)
{
    const struct task *task = probe->task;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_ACTIVATION);
    if (task->outcome == KMS_OUTCOME_NONE) {
        tell_of_memory(probe, &result);
    } else {
        result.outcome = task->outcome;
        kms_text_copy(result.detail, sizeof result.detail, task->detail);
    }
    result.waited_us = probe->waited_us;
    kms_done_fn *done = probe->done;
    void *arg = probe->arg;
    free_probe(probe);
    done(arg, &result);
    kms_result_done(&result);
}

/* ---- after an answer ---- */

static void saved(void *data);

static bool submit(struct kms_probe *probe, kms_job_fn *work, kms_job_fn *done)
{
    probe->task->now_s = wall_s(probe);
    probe->job = kms_worker_submit(probe->env->worker, work, done, probe->task);
    return probe->job != NULL;
}

/* Into the memory; a second request is known there before it goes out. */
static void note(struct kms_probe *probe, const struct kms_plan_answer *answer)
{
    struct task *task = probe->task;
    if (probe->session && answer->sent) {
        kms_session_peer(probe->session, task->peer, sizeof task->peer);
    }
    task->ask = kms_plan_after(&task->memory, &task->about, &task->step, answer, wall_s(probe));
    task->last = !task->ask;
    probe->answered = !task->ask;
    if (task->ask) {
        kms_plan_begin(&task->memory, &task->step, wall_s(probe));
    }
}

/* The memory to the disk. */
static void save(struct kms_probe *probe)
{
    struct task *task = probe->task;
    kms_session_free(probe->session);
    probe->session = NULL;
    if (!submit(probe, save_memory, saved)) {
        task->outcome = KMS_OUTCOME_NO_MEMORY;
        finish(probe);
    }
}

static void keep(struct kms_probe *probe, const struct kms_plan_answer *answer)
{
    note(probe, answer);
    save(probe);
}

/* ---- the connection after an answer ---- */

static void watch_on(struct kms_probe *probe)
{
    probe->answered_us = kms_clock_mono_us(&probe->env->clock);
    kms_timer_set(probe->timer, KMS_ACTIVATION_CLOSE_WAIT_MS);
}

static int64_t watched_us(const struct kms_probe *probe)
{
    return kms_clock_mono_us(&probe->env->clock) - probe->answered_us;
}

/* The youngest answer is the one whose connection it was. */
static void end_watch(struct kms_probe *probe, bool closed)
{
    kms_timer_stop(probe->timer);
    probe->waited_us = watched_us(probe);
    probe->task->memory.answer[0].hints |= closed ? KMS_BIT(KMS_HINT_CLOSED) : 0;
    save(probe);
}

/* ---- the answer ---- */

static void describe_answer(const struct kms_probe *probe, const struct kms_reply *reply, char *dst,
                            size_t size)
{
    const struct kms_product *product = probe->task->step.product;
    int64_t call_us = kms_clock_mono_us(&probe->env->clock) -
                      kms_session_times(probe->session)->sent_us;
    char peer[KMS_ADDRESS_TEXT + 8];
    kms_session_peer(probe->session, peer, sizeof peer);
    kms_text_format(dst, size, "%s: count %u, asked for %s with version %u in %.2f ms", peer,
                    (unsigned)reply->count, product->name, (unsigned)product->protocol,
                    (double)call_us / 1000);
}

/* Whose clock it is: a host is blamed only by a monitor that knows its own. */
static enum kms_outcome describe_clock(char *dst, size_t size)
{
    const struct kms_hresult *row = kms_hresult_find(KMS_HRESULT_CLOCK);
    enum kms_clock_sync sync = kms_clock_sync();
    const char *whose = sync == KMS_CLOCK_SYNC_YES  ? "ours is synchronised, so look at the host's"
                        : sync == KMS_CLOCK_SYNC_NO ? "ours is not synchronised"
                                                    : "whether ours is right is not known";
    kms_text_format(dst, size, "0x%08X %s: the clocks differ by more than 4 h; %s",
                    KMS_HRESULT_CLOCK, row ? row->symbol : "", whose);
    return sync == KMS_CLOCK_SYNC_NO ? KMS_OUTCOME_ACTIVATION_CLOCK
                                     : KMS_OUTCOME_ACTIVATION_REFUSED;
}

static void describe_refusal(const struct kms_probe *probe, char *dst, size_t size)
{
    char asked[80];
    kms_hresult_text(probe->call.hresult, dst, size);
    kms_text_format(asked, sizeof asked, " (asked for %s)", probe->task->step.product->name);
    if (strlen(dst) + strlen(asked) < sizeof probe->task->memory.detail) {
        kms_text_append(dst, size, "%s", asked);
    }
}

/* The name of what answered stands before what was wrong with it. */
static void describe_wrong(const struct kms_probe *probe, const char *what, char *dst, size_t size)
{
    char peer[KMS_ADDRESS_TEXT + 8];
    kms_session_peer(probe->session, peer, sizeof peer);
    kms_text_format(dst, size, "%s: %s", peer, what);
}

static uint32_t hints_of(const struct kms_probe *probe, const struct kms_reply *reply)
{
    bool emulated = kms_session_association(probe->session) == KMS_ASSOCIATION_EMULATED;
    return (reply->iv_reused ? KMS_BIT(KMS_HINT_IV_REUSED) : 0) |
           (emulated ? KMS_BIT(KMS_HINT_ASSOCIATION) : 0);
}

static void judge_call(struct kms_probe *probe)
{
    const struct kms_call *call = &probe->call;
    struct kms_reply reply = {.outcome = KMS_OUTCOME_NONE};
    char detail[KMS_DETAIL_SIZE];
    struct kms_plan_answer answer = {
        .sent = true, .outcome = call->outcome, .hresult = call->hresult, .detail = detail};
    if (call->outcome == KMS_OUTCOME_OK) {
        reply = kms_reply_read(call->message, call->message_len, &probe->ask);
        answer.outcome = reply.outcome;
        answer.reply = &reply;
        answer.hints = hints_of(probe, &reply);
    }
    if (answer.outcome == KMS_OUTCOME_OK) {
        describe_answer(probe, &reply, detail, sizeof detail);
    } else if (answer.outcome == KMS_OUTCOME_ACTIVATION_REFUSED &&
               answer.hresult == KMS_HRESULT_CLOCK) {
        answer.outcome = describe_clock(detail, sizeof detail);
    } else if (answer.outcome == KMS_OUTCOME_ACTIVATION_REFUSED) {
        describe_refusal(probe, detail, sizeof detail);
    } else {
        describe_wrong(probe, reply.outcome != KMS_OUTCOME_NONE ? reply.detail : call->detail,
                       detail, sizeof detail);
    }
    if (answer.outcome == KMS_OUTCOME_OK) {
        note(probe, &answer);
        watch_on(probe);
    } else {
        keep(probe, &answer);
    }
}

/* ---- the session ---- */

static void session_failed(void *arg, enum kms_outcome outcome, const char *detail)
{
    struct kms_probe *probe = arg;
    const struct kms_plan_answer answer = {
        .sent = probe->sent, .outcome = outcome, .detail = detail};
    if (probe->answered) {
        end_watch(probe, kms_session_closed(probe->session));
    } else {
        keep(probe, &answer);
    }
}

/* Sent only as far as it is harmless: N of 5 or 25, and never without a random IV. */
static void bound(void *arg)
{
    struct kms_probe *probe = arg;
    const struct task *task = probe->task;
    char workstation[KMS_WORKSTATION_SIZE];
    uint8_t message[KMS_ASK_MAX];
    kms_workstation(probe->env->resolver ? kms_resolver_domain(probe->env->resolver, 0) : NULL,
                    workstation);
    kms_plan_ask(&task->step, &task->cmid, workstation,
                 probe->env->clock.wall_us(probe->env->clock.arg), &probe->ask);
    if (!kms_entropy(probe->ask.iv, sizeof probe->ask.iv)) {
        session_failed(probe, KMS_OUTCOME_INTERNAL, "the machine gives no random bytes");
        return;
    }
    size_t len = kms_ask_write(&probe->ask, message);
    probe->ask.workstation = NULL;
    if (len == 0 || kms_product_refusal(task->step.product)) {
        session_failed(probe, KMS_OUTCOME_INTERNAL, "this product cannot be asked for");
        return;
    }
    len = kms_call_write(KMS_NDR32, 0, KMS_RPC_CALL_ID, message, len, probe->request);
    kms_call_init(&probe->call, KMS_NDR32, KMS_RPC_CALL_ID);
    probe->sent = true;
    kms_plan_sent(&probe->task->memory, wall_s(probe), up_s(probe));
    kms_session_send(probe->session, probe->request, len);
}

static void pdu_came(void *arg, const uint8_t *bytes, size_t len)
{
    struct kms_probe *probe = arg;
    if (!probe->answered && kms_call_read(&probe->call, bytes, len) == KMS_CALL_DONE) {
        judge_call(probe);
    }
}

static void open_session(struct kms_probe *probe)
{
    static const struct kms_session_calls calls = {bound, pdu_came, session_failed};
    probe->sent = false;
    probe->session = kms_session_open(probe->env, probe->target, KMS_SOURCE_ACTIVATION, &calls,
                                      probe);
    if (!probe->session) {
        session_failed(probe, KMS_OUTCOME_NO_MEMORY, "not enough memory to connect");
    }
}

/* ---- what the worker did ---- */

/* Opened, or saved: goes on with a request when one is due. */
static void saved(void *data)
{
    struct kms_probe *probe = ((struct task *)data)->probe;
    probe->job = NULL;
    if (probe->task->ask) {
        open_session(probe);
    } else {
        finish(probe);
    }
}

/* ---- start and end ---- */

static void timer_fired(void *arg)
{
    struct kms_probe *probe = arg;
    if (probe->answered) {
        end_watch(probe, false);
    } else {
        finish(probe);
    }
}

/* What needs no disk to be known; told from the loop. */
static void tell_soon(struct kms_probe *probe, const char *why)
{
    probe->task->outcome = KMS_OUTCOME_ACTIVATION_NO_IDENTITY;
    kms_text_copy(probe->task->detail, sizeof probe->task->detail, why);
    kms_timer_set(probe->timer, 0);
}

static struct task *new_task(struct kms_probe *probe)
{
    const struct kms_source_config *config = &probe->target->source[KMS_SOURCE_ACTIVATION];
    struct kms_env *env = probe->env;
    struct task *task = calloc(1, sizeof *task);
    if (!task) {
        return NULL;
    }
    task->probe = probe;
    task->file.lock = -1;
    task->state_dir = kms_text_dup(env->state_dir ? env->state_dir : "");
    task->address = kms_text_dup(kms_target_address(probe->target));
    task->port = kms_session_port(probe->target, KMS_SOURCE_ACTIVATION);
    if (env->known_key) {
        env->known_key(env->known_key_arg, probe->target, &task->key);
    }
    task->about = (struct kms_plan_about){
        .configured = config->product ? kms_product_find(env->products, config->product) : NULL,
        .key_name = task->key.name[0] ? task->key.name : NULL,
        .epid = task->key.epid[0] ? task->key.epid : NULL,
        .interval_s = config->interval_ms > 0 ? config->interval_ms / 1000 : KMS_PLAN_INTERVAL_S,
        .up_s = up_s(probe),
    };
    if (!task->state_dir || !task->address) {
        free_task(task);
        return NULL;
    }
    return task;
}

static bool begin(struct kms_probe *probe)
{
    const struct kms_source_config *config = &probe->target->source[KMS_SOURCE_ACTIVATION];
    char why[KMS_DETAIL_SIZE];
    if (!probe->env->state_dir || !probe->env->worker) {
        tell_soon(probe, "no state directory is set, and the monitor's client id is kept there");
        return true;
    }
    if (config->product && !probe->task->about.configured) {
        kms_text_format(why, sizeof why, "the product '%.80s' is not known", config->product);
        tell_soon(probe, why);
        return true;
    }
    return submit(probe, open_memory, saved);
}

static struct kms_probe *start(struct kms_env *env, const struct kms_target *target,
                               kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    probe->env = env;
    probe->target = target;
    probe->done = done;
    probe->arg = arg;
    probe->timer = kms_timer_new(env->loop, timer_fired, probe);
    probe->task = new_task(probe);
    if (!probe->timer || !probe->task || !begin(probe)) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

/* The answer is in the memory already, or what was met on the way to it goes there. */
static void late(const struct kms_probe *probe, struct kms_result *result)
{
    struct task *task = probe->task;
    char text[120];
    if (probe->answered) {
        kms_result_done(result);
        tell_of_memory(probe, result);
        result->waited_us = probe->session ? watched_us(probe) : probe->waited_us;
    } else if (probe->session) {
        result->outcome = kms_session_late(probe->session, text, sizeof text);
        kms_text_append(result->detail, sizeof result->detail, ": %s", text);
        task->outcome = result->outcome; /* for cancel, which keeps it */
        kms_text_copy(task->detail, sizeof task->detail, result->detail);
        if (kms_facts_set_number(&result->host, KMS_FACT_ACTIVATION_STATE, KMS_ACTIVATION_FAILED) !=
            KMS_OK) {
            result->outcome = KMS_OUTCOME_NO_MEMORY;
        }
    } else {
        result->outcome = KMS_OUTCOME_ACTIVATION_NO_IDENTITY;
        kms_text_append(result->detail, sizeof result->detail,
                        ": the state directory '%.80s' does not answer", task->state_dir);
    }
}

/* A request that was not sent gives its turn back; one that was cut off stays as it was begun; what
 * is in the memory already only goes to the disk. */
static void keep_cut_off(struct kms_probe *probe)
{
    struct task *task = probe->task;
    const struct kms_plan_answer answer = {
        .sent = probe->sent, .outcome = task->outcome, .detail = task->detail};
    if (!probe->answered && (!probe->sent || task->outcome != KMS_OUTCOME_NONE)) {
        (void)kms_plan_after(&task->memory, &task->about, &task->step, &answer, wall_s(probe));
    }
    task->last = true;
    if (submit(probe, save_memory, free_task)) {
        kms_job_release(probe->job, free_task);
        probe->task = NULL;
    }
}

static void cancel(struct kms_probe *probe)
{
    if (probe->session) {
        keep_cut_off(probe);
    } else if (probe->job && probe->answered) {
        kms_job_release(probe->job, free_task);
        probe->task = NULL;
    } else if (probe->job) {
        atomic_store(&probe->task->unwanted, true);
        kms_job_abandon(probe->job, free_task);
        probe->task = NULL;
    }
    free_probe(probe);
}

const struct kms_probe_type *kms_activation_probe(void)
{
    static const struct kms_probe_type type = {.name = "activation",
                                               .source = KMS_SOURCE_ACTIVATION,
                                               .start = start,
                                               .cancel = cancel,
                                               .late = late};
    return &type;
}
