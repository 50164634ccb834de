/* Operations over one connection: a message, its answer, and what follows from it. */
#include "wsman/talk.h"

#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "base/text.h"
#include "wsman/connection.h"
#include "wsman/envelope.h"
#include "wsman/record.h"

enum {
    MESSAGE_MAX = 64 * 1024,
    ANSWER_MAX = 4 * 1024 * 1024, /* hosts send 512 KiB at most (specification wsman 2.7) */
    ROW_MAX = 256 * 1024,
    ROWS_MAX = 20000,
    BARREN_MAX = 100,         /* pages in a row without a row */
    ENVELOPE_MAX = 153600,    /* what most clients ask for (specification wsman 2.2) */
    OPERATION_MS_MAX = 60000, /* MaxTimeoutms, the host's own limit */
    OPERATION_MS_MIN = 500,   /* hosts take less for this */
    HOST_FIRST_MS = 10000,    /* the host's own fault arrives before our deadline */
    AGAIN_MS = 500,
    RELEASE_MS = 2000
};

enum step { STEP_IDENTIFY, STEP_ENUMERATE, STEP_PULL, STEP_RELEASE };

struct kms_talk {
    struct kms_env *env;
    struct kms_recorder *recorder;
    struct kms_wsman_url url;
    enum kms_status url_status;
    struct kms_fault url_fault;
    struct kms_connection *connection;
    struct kms_timer *timer; /* begins an operation, and begins it again */

    /* The operation. */
    enum step step;
    struct kms_talk_query query;
    char *wql;
    int64_t deadline_us;
    kms_talk_done_fn *done;
    void *arg;
    char *context; /* of the enumeration under way; NULL: none */
    size_t rows;
    unsigned barren;
    bool reopened, restarted, retried;
    struct kms_talk_end end; /* kept while a context is released */

    /* The message under way. */
    struct kms_buf message;
    char message_id[KMS_WSMAN_MESSAGE_ID_SIZE];
    struct kms_soap *soap;
    enum kms_status read;  /* what the reader said last */
    enum kms_status taken; /* what the receiver of rows said last */
    struct kms_fault fault;
    struct kms_buf answer; /* for the recorder */
};

/* ---- ownership ---- */

static void begin(void *arg);

struct kms_talk *kms_talk_new(struct kms_env *env, const struct kms_target *target,
                              struct kms_recorder *recorder)
{
    const struct kms_source_config *config = &target->source[KMS_SOURCE_WSMAN];
    struct kms_talk *talk = calloc(1, sizeof *talk);
    if (!talk) {
        return NULL;
    }
    talk->env = env;
    talk->recorder = recorder;
    kms_buf_init(&talk->message, MESSAGE_MAX);
    kms_buf_init(&talk->answer, ANSWER_MAX);
    talk->url_status = kms_wsman_url_make(config->url, kms_target_dns_name(target),
                                          kms_target_address(target), &talk->url, &talk->url_fault);
    talk->timer = kms_timer_new(env->loop, begin, talk);
    talk->connection = talk->url_status == KMS_OK ? kms_connection_new(env, &talk->url, config)
                                                  : NULL;
    bool whole = talk->connection || talk->url_status == KMS_EINVAL;
    if (!talk->timer || !whole) {
        kms_talk_free(talk);
        return NULL;
    }
    return talk;
}

void kms_talk_free(struct kms_talk *talk)
{
    if (!talk) {
        return;
    }
    kms_connection_free(talk->connection);
    kms_timer_free(talk->timer);
    kms_wsman_url_done(&talk->url);
    kms_soap_free(talk->soap);
    kms_buf_done(&talk->message);
    kms_buf_done(&talk->answer);
    free(talk->context);
    free(talk->wql);
    free(talk);
}

/* ---- how an operation ends ---- */

static int64_t left_ms(const struct kms_talk *talk)
{
    return (talk->deadline_us - kms_clock_mono_us(&talk->env->clock)) / 1000;
}

/* done may begin the next operation, and must not free the talk. */
static void finish(struct kms_talk *talk, const struct kms_soap_message *reply)
{
    struct kms_talk_end end = talk->end;
    end.reply = reply;
    end.rows = talk->rows;
    if (talk->connection) {
        kms_text_copy(end.mechanism, sizeof end.mechanism,
                      kms_connection_mechanism(talk->connection));
    }
    free(talk->context);
    free(talk->wql);
    talk->context = NULL;
    talk->wql = NULL;
    struct kms_soap *soap = talk->soap;
    talk->soap = NULL;
    talk->done(talk->arg, &end);
    kms_soap_free(soap);
}

static void send_message(struct kms_talk *talk, enum step step);

/* What the host keeps for the enumeration counts against a quota until it is released. */
static void give_up(struct kms_talk *talk)
{
    bool usable = talk->context && kms_connection_is_open(talk->connection) &&
                  left_ms(talk) > -RELEASE_MS;
    if (!usable) {
        finish(talk, NULL);
        return;
    }
    talk->deadline_us = kms_clock_mono_us(&talk->env->clock) + (int64_t)RELEASE_MS * 1000;
    send_message(talk, STEP_RELEASE);
}

static void fail(struct kms_talk *talk, enum kms_outcome outcome, enum kms_talk_stage stage,
                 const char *detail)
{
    talk->end.outcome = outcome;
    talk->end.stage = stage;
    talk->end.reaction = KMS_WSMAN_GIVE_UP;
    kms_text_clean(talk->end.detail, sizeof talk->end.detail, detail, strlen(detail));
    give_up(talk);
}

static void no_memory(struct kms_talk *talk)
{
    talk->end = (struct kms_talk_end){.outcome = KMS_OUTCOME_NO_MEMORY};
    finish(talk, NULL);
}

/* Begins the enumeration anew, once for each reason; false when that is not possible. */
static bool start_again(struct kms_talk *talk, bool *used, int64_t delay_ms)
{
    bool rows_given = talk->rows > 0;
    if (*used || (rows_given && !talk->query.restart) || left_ms(talk) <= delay_ms) {
        return false;
    }
    *used = true;
    if (rows_given) {
        talk->query.restart(talk->query.arg);
    }
    talk->rows = 0;
    talk->barren = 0;
    free(talk->context);
    talk->context = NULL;
    talk->step = talk->step == STEP_IDENTIFY ? STEP_IDENTIFY : STEP_ENUMERATE;
    kms_timer_set(talk->timer, delay_ms);
    return true;
}

/* ---- answers ---- */

static enum kms_status take_row(void *arg, struct kms_wsman_row *row)
{
    struct kms_talk *talk = arg;
    if (talk->step != STEP_ENUMERATE && talk->step != STEP_PULL) {
        return KMS_OK;
    }
    if (talk->rows == ROWS_MAX) {
        talk->taken = KMS_ETOOBIG;
        return KMS_ETOOBIG;
    }
    talk->rows++;
    talk->taken = talk->query.row(talk->query.arg, row);
    return talk->taken;
}

static void take_bytes(void *arg, const void *bytes, size_t len)
{
    struct kms_talk *talk = arg;
    if (talk->recorder) {
        (void)kms_buf_add(&talk->answer, bytes, len);
    }
    if (talk->read == KMS_OK) {
        talk->read = kms_soap_feed(talk->soap, bytes, len, &talk->fault);
    }
}

static void fail_reading(struct kms_talk *talk)
{
    if (talk->read == KMS_ENOMEM || talk->taken == KMS_ENOMEM) {
        no_memory(talk);
    } else if (talk->taken == KMS_ETOOBIG) {
        char detail[80];
        kms_text_format(detail, sizeof detail, "more than %zu rows", talk->rows - 1);
        fail(talk, KMS_OUTCOME_WSMAN_TOO_BIG, KMS_TALK_OPERATE, detail);
    } else if (talk->read == KMS_ETOOBIG) {
        fail(talk, KMS_OUTCOME_WSMAN_TOO_BIG, KMS_TALK_OPERATE, talk->fault.text);
    } else {
        fail(talk, KMS_OUTCOME_WSMAN_MALFORMED, KMS_TALK_HTTP, talk->fault.text);
    }
}

static void take_fault(struct kms_talk *talk, const struct kms_soap_message *message)
{
    const struct kms_wsman_verdict verdict = kms_wsman_judge_fault(&message->fault);
    talk->end.fault_known = true;
    talk->end.fault = message->fault;
    if (talk->step == STEP_RELEASE) {
        finish(talk, NULL); /* of what ended already */
        return;
    }
    bool expired = verdict.reaction == KMS_WSMAN_START_AGAIN;
    if ((expired && start_again(talk, &talk->restarted, 0)) ||
        (verdict.reaction == KMS_WSMAN_TRY_AGAIN && start_again(talk, &talk->retried, AGAIN_MS))) {
        return;
    }
    if (expired) {
        free(talk->context);
        talk->context = NULL;
    }
    talk->end.outcome = verdict.outcome;
    talk->end.reaction = verdict.reaction;
    talk->end.stage = verdict.outcome == KMS_OUTCOME_WSMAN_DENIED ? KMS_TALK_AUTHORIZE
                                                                  : KMS_TALK_OPERATE;
    kms_wsman_fault_text(&message->fault, talk->end.detail, sizeof talk->end.detail);
    give_up(talk);
}

static void succeed(struct kms_talk *talk, const struct kms_soap_message *message)
{
    talk->end.outcome = KMS_OUTCOME_OK;
    talk->end.stage = talk->step == STEP_IDENTIFY ? KMS_TALK_HTTP : KMS_TALK_OPERATE;
    talk->end.fault_known = false;
    talk->end.detail[0] = '\0';
    finish(talk, message);
}

/* The newest context counts; one that says nothing of it goes on with the last. */
static enum kms_status keep_context(struct kms_talk *talk, const struct kms_soap_message *message)
{
    if (!message->context) {
        return talk->context ? KMS_OK : KMS_EINVAL;
    }
    char *context = kms_text_dup(message->context);
    if (!context) {
        return KMS_ENOMEM;
    }
    free(talk->context);
    talk->context = context;
    return KMS_OK;
}

static void take_page(struct kms_talk *talk, const struct kms_soap_message *message)
{
    if (message->end_of_sequence) {
        free(talk->context);
        talk->context = NULL;
        succeed(talk, message);
        return;
    }
    enum kms_status status = keep_context(talk, message);
    talk->barren = message->rows == 0 ? talk->barren + 1 : 0;
    if (status == KMS_ENOMEM) {
        no_memory(talk);
    } else if (status != KMS_OK) {
        fail(talk, KMS_OUTCOME_WSMAN_MALFORMED, KMS_TALK_OPERATE,
             "neither the end of the rows nor a context to go on with");
    } else if (talk->barren > BARREN_MAX) {
        fail(talk, KMS_OUTCOME_WSMAN_MALFORMED, KMS_TALK_OPERATE, "page after page without a row");
    } else {
        send_message(talk, STEP_PULL);
    }
}

static enum kms_soap_kind expected_kind(enum step step)
{
    static const enum kms_soap_kind kinds[] = {[STEP_IDENTIFY] = KMS_SOAP_IDENTIFY,
                                               [STEP_ENUMERATE] = KMS_SOAP_ENUMERATE,
                                               [STEP_PULL] = KMS_SOAP_PULL,
                                               [STEP_RELEASE] = KMS_SOAP_RELEASE};
    return kinds[step];
}

static void take_message(struct kms_talk *talk)
{
    const struct kms_soap_message *message = NULL;
    if (talk->read == KMS_OK) {
        talk->read = kms_soap_end(talk->soap, &message, &talk->fault);
    }
    if (talk->step == STEP_RELEASE) {
        finish(talk, NULL);
    } else if (talk->read != KMS_OK) {
        fail_reading(talk);
    } else if (talk->step != STEP_IDENTIFY && message->relates_to[0] &&
               !kms_text_equal_nocase(message->relates_to, talk->message_id)) {
        fail(talk, KMS_OUTCOME_WSMAN_MISMATCH, KMS_TALK_HTTP, message->relates_to);
    } else if (message->kind == KMS_SOAP_FAULT) {
        take_fault(talk, message);
    } else if (message->kind != expected_kind(talk->step)) {
        fail(talk, KMS_OUTCOME_WSMAN_MALFORMED, KMS_TALK_HTTP,
             "a message of another kind than was asked for");
    } else if (talk->step == STEP_IDENTIFY) {
        succeed(talk, message);
    } else {
        take_page(talk, message);
    }
}

static void record(struct kms_talk *talk, const struct kms_connection_end *end)
{
    if (talk->recorder) {
        (void)kms_recorder_add(talk->recorder, kms_buf_str(&talk->message), talk->message.len,
                               end->status, end->content_type, kms_buf_str(&talk->answer),
                               talk->answer.len);
        kms_buf_clear(&talk->answer);
    }
}

/* ---- messages ---- */

static void open_connection(struct kms_talk *talk);

/* The connection was another one: authenticate again and say the same again, once. */
static bool open_again(struct kms_talk *talk, const struct kms_connection_end *end)
{
    if (!end->lost || talk->reopened || talk->step == STEP_RELEASE) {
        return false;
    }
    talk->reopened = true;
    open_connection(talk);
    return true;
}

static void answered(void *arg, const struct kms_connection_end *end)
{
    struct kms_talk *talk = arg;
    talk->end.status = end->status;
    talk->end.date_s = end->date_s;
    record(talk, end);
    if (open_again(talk, end)) {
        return;
    }
    if (end->outcome == KMS_OUTCOME_OK && end->has_message) {
        talk->reopened = false;
        take_message(talk);
    } else if (talk->step == STEP_RELEASE) {
        finish(talk, NULL);
    } else if (end->outcome == KMS_OUTCOME_NO_MEMORY) {
        no_memory(talk);
    } else {
        bool busy = end->outcome == KMS_OUTCOME_WSMAN_UNAVAILABLE ||
                    end->outcome == KMS_OUTCOME_WSMAN_NO_ROOM;
        talk->end.outcome = end->outcome;
        talk->end.stage = end->stage;
        talk->end.reaction = busy ? KMS_WSMAN_BACK_OFF : KMS_WSMAN_GIVE_UP;
        kms_text_copy(talk->end.detail, sizeof talk->end.detail, end->detail);
        give_up(talk);
    }
}

static enum kms_status write_message(struct kms_talk *talk, enum step step)
{
    uint8_t random[KMS_GUID_SIZE];
    if (!kms_entropy(random, sizeof random)) {
        return KMS_EIO;
    }
    int64_t left = left_ms(talk);
    int64_t reserve = left / 4 < HOST_FIRST_MS ? left / 4 : HOST_FIRST_MS;
    int64_t host_ms = left - reserve;
    host_ms = host_ms < OPERATION_MS_MIN ? OPERATION_MS_MIN : host_ms;
    const struct kms_wsman_address address = {
        .to = talk->url.url,
        .resource_uri = KMS_WSMAN_CIMV2_ALL,
        .message_id = kms_guid_of_random(random),
        .operation_timeout_ms = host_ms > OPERATION_MS_MAX ? OPERATION_MS_MAX : host_ms,
        .envelope_max = ENVELOPE_MAX,
    };
    kms_wsman_message_id(&address.message_id, talk->message_id);
    kms_buf_clear(&talk->message);
    switch (step) {
    case STEP_IDENTIFY:
        return kms_wsman_write_identify(&talk->message);
    case STEP_ENUMERATE:
        return kms_wsman_write_enumerate(&address, talk->wql, talk->query.page, &talk->message);
    case STEP_PULL:
        return kms_wsman_write_pull(&address, talk->context, talk->query.page, &talk->message);
    default:
        return kms_wsman_write_release(&address, talk->context, &talk->message);
    }
}

static bool new_reader(struct kms_talk *talk)
{
    const struct kms_soap_limits limits = {
        .bytes_max = ANSWER_MAX, .rows_max = ROWS_MAX, .row_bytes_max = ROW_MAX};
    kms_soap_free(talk->soap);
    talk->soap = kms_soap_new(&limits, take_row, talk);
    talk->read = KMS_OK;
    talk->taken = KMS_OK;
    talk->fault = (struct kms_fault){0};
    return talk->soap != NULL;
}

static void send_message(struct kms_talk *talk, enum step step)
{
    talk->step = step;
    enum kms_status status = new_reader(talk) ? write_message(talk, step) : KMS_ENOMEM;
    if (status == KMS_OK) {
        const struct kms_connection_ask ask = {
            .message = kms_buf_str(&talk->message),
            .len = talk->message.len,
            .anonymous = step == STEP_IDENTIFY,
            .size_max = ANSWER_MAX,
            .deadline_us = talk->deadline_us,
            .sink = take_bytes,
            .done = answered,
            .arg = talk,
        };
        status = kms_connection_ask(talk->connection, &ask);
    }
    if (status == KMS_OK) {
        return;
    }
    if (status == KMS_ENOMEM || step == STEP_RELEASE) {
        talk->end.outcome = status == KMS_ENOMEM ? KMS_OUTCOME_NO_MEMORY : talk->end.outcome;
        finish(talk, NULL);
        return;
    }
    talk->end.outcome = KMS_OUTCOME_INTERNAL;
    talk->end.stage = KMS_TALK_OPERATE;
    kms_text_copy(talk->end.detail, sizeof talk->end.detail, "the request cannot be written");
    finish(talk, NULL);
}

static void opened(void *arg, const struct kms_connection_end *end)
{
    struct kms_talk *talk = arg;
    if (end->outcome == KMS_OUTCOME_OK) {
        send_message(talk, talk->step);
        return;
    }
    if (open_again(talk, end)) {
        return;
    }
    talk->end.outcome = end->outcome;
    talk->end.stage = end->stage;
    talk->end.status = end->status;
    talk->end.date_s = end->date_s;
    talk->end.reaction = end->outcome == KMS_OUTCOME_WSMAN_UNAVAILABLE ||
                                 end->outcome == KMS_OUTCOME_WSMAN_NO_ROOM
                             ? KMS_WSMAN_BACK_OFF
                             : KMS_WSMAN_GIVE_UP;
    kms_text_copy(talk->end.detail, sizeof talk->end.detail, end->detail);
    finish(talk, NULL);
}

static void open_connection(struct kms_talk *talk)
{
    if (kms_connection_open(talk->connection, talk->deadline_us, opened, talk) != KMS_OK) {
        no_memory(talk);
    }
}

static void begin(void *arg)
{
    struct kms_talk *talk = arg;
    if (!talk->connection) {
        fail(talk, KMS_OUTCOME_WSMAN_ADDRESS, KMS_TALK_ADDRESS, talk->url_fault.text);
    } else if (talk->step == STEP_IDENTIFY || kms_connection_is_open(talk->connection)) {
        send_message(talk, talk->step);
    } else {
        open_connection(talk);
    }
}

static void prepare(struct kms_talk *talk, enum step step, int64_t timeout_ms,
                    kms_talk_done_fn *done, void *arg)
{
    talk->step = step;
    talk->done = done;
    talk->arg = arg;
    talk->deadline_us = kms_clock_mono_us(&talk->env->clock) + timeout_ms * 1000;
    talk->rows = 0;
    talk->barren = 0;
    talk->reopened = false;
    talk->restarted = false;
    talk->retried = false;
    talk->end = (struct kms_talk_end){.outcome = KMS_OUTCOME_NONE};
    kms_timer_set(talk->timer, 0);
}

enum kms_status kms_talk_identify(struct kms_talk *talk, int64_t timeout_ms, kms_talk_done_fn *done,
                                  void *arg)
{
    talk->query = (struct kms_talk_query){.wql = NULL};
    prepare(talk, STEP_IDENTIFY, timeout_ms, done, arg);
    return KMS_OK;
}

enum kms_status kms_talk_enumerate(struct kms_talk *talk, const struct kms_talk_query *query)
{
    char *wql = kms_text_dup(query->wql);
    if (!wql) {
        return KMS_ENOMEM;
    }
    talk->query = *query;
    talk->query.wql = NULL;
    talk->wql = wql;
    prepare(talk, STEP_ENUMERATE, query->timeout_ms, query->done, query->arg);
    return KMS_OK;
}
