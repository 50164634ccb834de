/* Which facts of a host are wrong, which are right, and which cannot be told. */
#include <string.h>

#include "agent/alarm_asked.h"
#include "agent/alarm_inquiry.h"
#include "base/text.h"

#define ALL_TYPES  (((UINT32_C(1) << KMS_ALARM_TYPE_MAX) - 1) << 1)
#define HOST_TYPES (ALL_TYPES & ~KMS_ALARM_TYPES_OF_RECORDS)
#define KEY_TYPES                                                                  \
    (KMS_ALARM_TYPE_BIT(KMS_ALARM_KEY) | KMS_ALARM_TYPE_BIT(KMS_ALARM_COUNT_LOW) | \
     KMS_ALARM_TYPE_BIT(KMS_ALARM_REQUESTS))

enum reach {
    REACH_UNASKED, /* nothing is asked that would tell */
    REACH_UNKNOWN,
    REACH_ANSWERS,
    REACH_FAILS
};

struct host {
    struct kms_inquiry inquiry;
    const struct kms_snapshot *snapshot;
    const struct kms_judgement *judgement;
    enum kms_source polled;
    bool answered;          /* the poll gave data, if only that there is no host key */
    enum reach reach;       /* whether clients find a KMS host there */
    enum kms_source teller; /* who says so */
    bool suppressed; /* with the host unreachable, or not tried yet, nothing else is judged */
};

static bool is_enabled(const struct host *h, enum kms_source source)
{
    return h->snapshot->target->source[source].enabled;
}

/* Asked, and what it says can be judged by. */
static bool is_current(const struct host *h, enum kms_source source)
{
    return h->snapshot->last[source] && !h->judgement->source[source].stale;
}

/* Windows said that it is no KMS host, and can be judged by. */
static bool is_disowned(const struct host *h)
{
    return is_current(h, KMS_SOURCE_WSMAN) &&
           h->snapshot->last[KMS_SOURCE_WSMAN]->outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
}

static bool is_service_down(const struct host *h)
{
    return is_current(h, KMS_SOURCE_WSMAN) &&
           (h->judgement->reasons & KMS_BIT(KMS_REASON_SERVICE_DOWN));
}

static int64_t fact_or(const struct kms_facts *facts, enum kms_fact_id id, int64_t otherwise)
{
    int64_t value = otherwise;
    (void)kms_facts_number(facts, id, &value);
    return value;
}

static enum reach reach_by_rpc(const struct host *h)
{
    int64_t rpc = fact_or(&h->judgement->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
    if (!is_current(h, KMS_SOURCE_RPC) || rpc == KMS_RPC_UNKNOWN) {
        return REACH_UNKNOWN;
    }
    return rpc == KMS_RPC_ACCEPTED ? REACH_ANSWERS : REACH_FAILS;
}

/* Whether the port answered an activation request at all; with what is another matter. */
static enum reach reach_by_activation(const struct host *h)
{
    if (!is_current(h, KMS_SOURCE_ACTIVATION)) {
        return REACH_UNKNOWN;
    }
    switch (h->snapshot->last[KMS_SOURCE_ACTIVATION]->outcome) {
    case KMS_OUTCOME_TIMEOUT:
    case KMS_OUTCOME_RPC_REFUSED:
    case KMS_OUTCOME_RPC_TIMEOUT:
    case KMS_OUTCOME_RPC_RESET:
    case KMS_OUTCOME_RPC_UNREACHABLE:
    case KMS_OUTCOME_RPC_UNRESOLVED:
    case KMS_OUTCOME_RPC_NOT_RPC:
    case KMS_OUTCOME_RPC_NOT_KMS:
    case KMS_OUTCOME_RPC_BIND_NAK:
        return REACH_FAILS;
    default:
        return REACH_ANSWERS;
    }
}

/* What Windows says of itself: that its service is stopped, or that it is no KMS host. */
static enum reach reach_by_word(const struct host *h)
{
    if (!is_current(h, KMS_SOURCE_WSMAN)) {
        return REACH_UNKNOWN;
    }
    return is_disowned(h) || is_service_down(h) ? REACH_FAILS : REACH_ANSWERS;
}

/* The wire decides where it is asked. Where Windows says it, the machine answers, and all else that
 * it says is judged. */
static void find_reach(struct host *h)
{
    if (is_enabled(h, KMS_SOURCE_RPC)) {
        h->teller = KMS_SOURCE_RPC;
        h->reach = reach_by_rpc(h);
    } else if (is_enabled(h, KMS_SOURCE_ACTIVATION)) {
        h->teller = KMS_SOURCE_ACTIVATION;
        h->reach = reach_by_activation(h);
    } else if (is_enabled(h, KMS_SOURCE_WSMAN)) {
        h->teller = KMS_SOURCE_WSMAN;
        h->reach = reach_by_word(h);
    } else {
        h->reach = REACH_UNASKED;
    }
    h->suppressed = (h->reach == REACH_FAILS && h->teller != KMS_SOURCE_WSMAN) ||
                    (h->reach == REACH_UNKNOWN && !h->snapshot->last[h->teller]);
}

static struct kms_alarm_row host_row(const struct host *h)
{
    return (struct kms_alarm_row){
        .table = KMS_ALARM_TABLE_HOST, .len = 1, .index = {h->snapshot->index, 0}};
}

static void find_unreachable(struct host *h)
{
    const struct kms_result *last = h->snapshot->last[h->teller];
    const struct kms_alarm_condition of = {.type = KMS_ALARM_UNREACHABLE,
                                           .owner = h->snapshot->target->name,
                                           .row = host_row(h),
                                           .severity = h->reach == REACH_FAILS ? KMS_STATE_CRITICAL
                                                                               : KMS_STATE_OK,
                                           .frozen = h->reach == REACH_UNKNOWN,
                                           .polled = h->polled == h->teller};
    if (h->reach == REACH_UNASKED || !kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, "");
    if (!finding) {
        return;
    }
    if (of.severity == KMS_STATE_OK) {
        kms_text_copy(finding->text, sizeof finding->text, "the KMS port answers");
    } else if (h->teller != KMS_SOURCE_WSMAN && last && last->detail[0]) {
        kms_text_format(finding->text, sizeof finding->text, "%s: %s",
                        kms_outcome_row(last->outcome)->token, last->detail);
    } else {
        kms_text_copy(finding->text, sizeof finding->text, h->judgement->summary);
    }
}

/* What answers requests on such a machine is something else, and clients are served all the same.
 */
static bool is_answered_all_the_same(const struct host *h)
{
    return is_current(h, KMS_SOURCE_ACTIVATION) &&
           kms_outcome_good(h->snapshot->last[KMS_SOURCE_ACTIVATION]->outcome);
}

static void word_text(const struct host *h, char *dst, size_t size)
{
    int64_t service = fact_or(&h->judgement->host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_UNKNOWN);
    if (is_disowned(h)) {
        kms_text_format(dst, size, "%s, but Windows says that it is no KMS host",
                        is_answered_all_the_same(h) ? "requests are answered"
                                                    : "the KMS port answers");
    } else if (is_service_down(h)) {
        kms_text_format(dst, size, "the KMS port answers, but Windows says that the service is %s",
                        kms_word_label(kms_words_service_state(), (int)service));
    } else {
        kms_text_copy(dst, size, "Windows says nothing against it");
    }
}

/* A port that answers, and Windows says that nothing of its own does: it is no KMS host, or the
 * service is stopped. Told apart from a port that does not answer, since each ends by itself. */
static void find_word(struct host *h)
{
    if (!is_enabled(h, KMS_SOURCE_WSMAN) || h->teller == KMS_SOURCE_WSMAN) {
        return;
    }
    enum kms_state severity = is_service_down(h)            ? KMS_STATE_CRITICAL
                              : !is_disowned(h)             ? KMS_STATE_OK
                              : is_answered_all_the_same(h) ? KMS_STATE_WARNING
                                                            : KMS_STATE_CRITICAL;
    const struct kms_alarm_condition of = {.type = KMS_ALARM_UNREACHABLE,
                                           .owner = h->snapshot->target->name,
                                           .row = host_row(h),
                                           .severity = severity,
                                           .frozen = h->suppressed ||
                                                     !is_current(h, KMS_SOURCE_WSMAN),
                                           .polled = h->polled == KMS_SOURCE_WSMAN};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, KMS_ALARM_OBJECT_WORD);
    if (finding) {
        word_text(h, finding->text, sizeof finding->text);
    }
}

static void count_text(const struct host *h, const struct kms_class_judgement *cls, char *dst,
                       size_t size)
{
    const char *name = kms_word_label(kms_words_client_class(), (int)cls->client_class);
    if (cls->key < 0) {
        kms_text_format(dst, size, "%s: no host key serves it", name);
        return;
    }
    const struct kms_facts *facts = &h->judgement->key[cls->key].facts;
    bool own = fact_or(facts, KMS_FACT_OWN_ENTRY, 0) != 0;
    kms_text_format(dst, size, "%s: count %lld%s, required %u", name,
                    (long long)fact_or(facts, KMS_FACT_CURRENT_COUNT, 0),
                    own ? " (1 of them this monitor)" : "", (unsigned)cls->required);
}

/* Every source that could tell of a key, or of a setting of the host, does. */
static bool all_speak(const struct host *h)
{
    for (int source = KMS_SOURCE_RPC; source <= KMS_SOURCE_REPORT; source++) {
        if (is_enabled(h, (enum kms_source)source) && !is_current(h, (enum kms_source)source)) {
            return false;
        }
    }
    return true;
}

/* Too few is an alarm where somebody relies on the class. Exactly enough is none: clients activate,
 * and the alarm would be raised already when they do not any more. Where no key is left there is no
 * count either: that is another alarm. */
static void find_count(struct host *h, const struct kms_class_judgement *cls)
{
    const struct kms_key_judgement *key = cls->key >= 0 ? &h->judgement->key[cls->key] : NULL;
    bool low = cls->verdict == KMS_VERDICT_BELOW_THRESHOLD &&
               (cls->state == KMS_STATE_WARNING || cls->state == KMS_STATE_CRITICAL);
    bool gone = cls->verdict == KMS_VERDICT_NOT_SERVED && all_speak(h);
    bool told = gone || cls->verdict == KMS_VERDICT_BELOW_THRESHOLD ||
                cls->verdict == KMS_VERDICT_CAN_ACTIVATE || cls->verdict == KMS_VERDICT_UNUSED;
    bool polled = key ? h->polled == key->source : kms_alarm_tells_keys(h->polled);
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_COUNT_LOW,
        .owner = h->snapshot->target->name,
        .row = kms_alarm_row_of(KMS_ALARM_TABLE_CLASS, h->snapshot->index, cls->client_class),
        .severity = low ? cls->state : KMS_STATE_OK,
        .frozen = h->suppressed || !told,
        .polled = h->answered && polled};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    char object[64];
    kms_text_format(object, sizeof object, "class %s",
                    kms_word_label(kms_words_client_class(), (int)cls->client_class));
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, object);
    if (finding) {
        count_text(h, cls, finding->text, sizeof finding->text);
    }
}

/* A class that the site relies on and no key serves is as good as one whose key is not licensed.
 * Where Windows says that it is no KMS host at all, that is told once and not for each class. */
static void find_unserved(struct host *h, const struct kms_class_judgement *cls)
{
    bool unserved = cls->verdict == KMS_VERDICT_NOT_SERVED;
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_KEY,
        .owner = h->snapshot->target->name,
        .row = kms_alarm_row_of(KMS_ALARM_TABLE_CLASS, h->snapshot->index, cls->client_class),
        .severity = unserved ? KMS_STATE_CRITICAL : KMS_STATE_OK,
        .frozen = h->suppressed || is_disowned(h) || cls->verdict == KMS_VERDICT_UNKNOWN ||
                  cls->verdict == KMS_VERDICT_UNREACHABLE,
        .polled = h->answered && kms_alarm_tells_keys(h->polled)};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    const char *name = kms_word_label(kms_words_client_class(), (int)cls->client_class);
    char object[64];
    kms_text_format(object, sizeof object, "class %s", name);
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, object);
    if (finding) {
        kms_text_format(
            finding->text, sizeof finding->text,
            unserved ? "%s: no installed host key serves it" : "%s: a host key serves it", name);
    }
}

/* A key without a number has no row. */
static struct kms_alarm_row key_row(const struct host *h, const struct kms_key_judgement *key)
{
    return key->index != 0 ? kms_alarm_row_of(KMS_ALARM_TABLE_KEY, h->snapshot->index, key->index)
                           : host_row(h);
}

static void key_text(const struct kms_key_judgement *key,
                     void (*words)(const struct kms_key_judgement *key, char *dst, size_t size),
                     char *dst, size_t size)
{
    char name[120];
    char text[KMS_ALARM_TEXT_SIZE];
    kms_judge_key_name(key, name, sizeof name);
    words(key, text, sizeof text);
    kms_text_format(dst, size, "%s: %s", name, text);
}

/* One thing about a key: object is a word before its identity. */
static void find_of_key(struct host *h, const struct kms_key_judgement *key,
                        enum kms_alarm_type type, const char *word, enum kms_state severity,
                        bool frozen,
                        void (*words)(const struct kms_key_judgement *key, char *dst, size_t size))
{
    const struct kms_alarm_condition of = {.type = type,
                                           .owner = h->snapshot->target->name,
                                           .row = key_row(h, key),
                                           .severity = severity,
                                           .frozen = h->suppressed || key->stale || frozen,
                                           .polled = h->answered && h->polled == key->source};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    char object[KMS_ALARM_NAME_SIZE];
    kms_text_format(object, sizeof object, "%s %s", word, key->identity);
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, object);
    if (finding) {
        key_text(key, words, finding->text, sizeof finding->text);
    }
}

/* That a key will end is told apart from that it is not licensed: who was told of the one a month
 * ago must be told of the other. While it is not licensed, nothing is known of its next end. */
static void find_key(struct host *h, const struct kms_key_judgement *key)
{
    bool unlicensed = key->reasons & KMS_BIT(KMS_REASON_KEY_NOT_LICENSED);
    bool expiring = key->reasons & KMS_BIT(KMS_REASON_KEY_EXPIRING);
    bool unknown = key->key_state == KMS_STATE_UNKNOWN;
    find_of_key(h, key, KMS_ALARM_KEY, "key", unlicensed ? key->key_state : KMS_STATE_OK, unknown,
                kms_judge_key_text);
    find_of_key(h, key, KMS_ALARM_KEY, "end of key",
                expiring && !unlicensed ? key->key_state : KMS_STATE_OK, unknown || unlicensed,
                kms_judge_key_text);
    find_of_key(h, key, KMS_ALARM_REQUESTS, "key", key->requests_state,
                key->requests_state == KMS_STATE_UNKNOWN || !key->window.known,
                kms_judge_requests_text);
}

static void find_clock(struct host *h)
{
    enum kms_state state = h->judgement->clock_state;
    const struct kms_result *last = h->snapshot->last[h->polled];
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_CLOCK,
        .owner = h->snapshot->target->name,
        .row = host_row(h),
        .severity = state,
        .frozen = h->suppressed || state == KMS_STATE_UNKNOWN,
        .polled = h->answered && kms_facts_has(&last->host, KMS_FACT_CLOCK_SKEW)};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, "");
    if (!finding) {
        return;
    }
    char away[32];
    int64_t skew_s = fact_or(&h->judgement->host, KMS_FACT_CLOCK_SKEW, 0);
    kms_text_age(away, sizeof away, skew_s < 0 ? -skew_s : skew_s);
    kms_text_format(finding->text, sizeof finding->text, "the host's clock is %s %s", away,
                    skew_s < 0 ? "slow" : "fast");
}

/* What the source told of keys is judged: by itself, or by another that tells the same ones. */
static bool is_heard(const struct host *h, enum kms_source source)
{
    return !is_enabled(h, source) || is_current(h, source) ||
           (h->snapshot->last[source] && h->snapshot->good[source]);
}

/* Everything that gave hints speaks. Without an activation request nothing can speak for a host,
 * and that nothing speaks against it any more is all there is to know. */
static bool is_suspicion_told(const struct host *h, int64_t seen)
{
    for (size_t i = 0; i < h->judgement->key_count; i++) {
        if (h->judgement->key[i].stale) {
            return false;
        }
    }
    bool asked = !is_enabled(h, KMS_SOURCE_ACTIVATION) ||
                 (is_current(h, KMS_SOURCE_ACTIVATION) && seen != KMS_AUTHENTICITY_UNKNOWN);
    return asked && is_heard(h, KMS_SOURCE_WSMAN) && is_heard(h, KMS_SOURCE_REPORT);
}

/* What speaks against a host needs one that tells it now; that others are silent speaks for
 * nobody. */
static bool is_suspicion_fresh(const struct host *h)
{
    bool fresh = is_current(h, KMS_SOURCE_ACTIVATION);
    for (size_t i = 0; i < h->judgement->key_count; i++) {
        fresh = fresh || !h->judgement->key[i].stale;
    }
    return fresh;
}

static void find_suspicion(struct host *h)
{
    const struct kms_facts *host = &h->judgement->host;
    int64_t seen = fact_or(host, KMS_FACT_AUTHENTICITY, KMS_AUTHENTICITY_UNKNOWN);
    bool suspicious = seen == KMS_AUTHENTICITY_SUSPICIOUS;
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_SUSPICIOUS,
        .owner = h->snapshot->target->name,
        .row = host_row(h),
        .severity = suspicious ? KMS_STATE_WARNING : KMS_STATE_OK,
        .frozen = h->suppressed ||
                  !(suspicious ? is_suspicion_fresh(h) : is_suspicion_told(h, seen)),
        .polled = h->answered && h->polled != KMS_SOURCE_DNS};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, "");
    if (finding) {
        const char *why = kms_facts_text(host, KMS_FACT_AUTHENTICITY_REASONS);
        kms_text_format(finding->text, sizeof finding->text, "%s%s%s",
                        of.severity == KMS_STATE_OK ? "nothing speaks against a genuine host"
                                                    : "looks like no genuine host",
                        why ? ": " : "", why ? why : "");
    }
}

static void stale_text(const struct host *h, enum kms_source source, char *dst, size_t size)
{
    const char *name = kms_word_label(kms_words_source(), (int)source);
    const struct kms_source_judgement *judged = &h->judgement->source[source];
    const struct kms_result *last = h->snapshot->last[source];
    if (!judged->stale) {
        kms_text_format(dst, size, "%s: its data can be judged by", name);
    } else if (last && !kms_outcome_good(last->outcome)) {
        const struct kms_outcome_row *row = kms_outcome_row(last->outcome);
        kms_text_format(dst, size, "%s: %s: %s", name, row->token,
                        last->detail[0] ? last->detail : row->meaning);
    } else {
        char age[32] = "of unknown age";
        char limit[32];
        if (judged->age_known) {
            kms_text_age(age, sizeof age, judged->age_s);
            kms_text_append(age, sizeof age, " old");
        }
        kms_text_duration(limit, sizeof limit, h->snapshot->target->source[source].max_age_ms);
        kms_text_format(dst, size, "%s: data is %s, limit %s", name, age, limit);
    }
}

/* DNS did not say what there is, be it nothing. */
static bool is_without_dns(enum kms_outcome outcome)
{
    return outcome >= KMS_OUTCOME_DNS_NXDOMAIN && outcome <= KMS_OUTCOME_DNS_LOOP &&
           outcome != KMS_OUTCOME_DNS_NAME && kms_outcome_row(outcome)->kind == KMS_OUTCOME_IS_OURS;
}

/* The source found no way to the host's address, and neither does the lookup of its domain; or it
 * was not tried since, and will tell. */
static bool waits_for_dns(const struct host *h, enum kms_source source)
{
    const struct kms_snapshot *snapshot = h->snapshot;
    return snapshot->last[source] && is_without_dns(snapshot->last[source]->outcome) &&
           is_enabled(h, KMS_SOURCE_DNS) &&
           (h->judgement->source[KMS_SOURCE_DNS].stale ||
            snapshot->tally[KMS_SOURCE_DNS].last_attempt_s <=
                snapshot->tally[source].last_success_s);
}

/* A host that is down takes its sources with it. That DNS is silent is told of the domain, once,
 * and not of each of its hosts. */
static void find_stale(struct host *h, enum kms_source source)
{
    bool stale = h->judgement->source[source].stale;
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_STALE,
        .owner = h->snapshot->target->name,
        .row = kms_alarm_row_of(KMS_ALARM_TABLE_SOURCE, h->snapshot->index, source),
        .severity = stale ? KMS_STATE_UNKNOWN : KMS_STATE_OK,
        .frozen = h->suppressed || !h->snapshot->last[source] || waits_for_dns(h, source),
        .polled = h->polled == source};
    if (!kms_inquiry_matters(&h->inquiry, of.severity, of.frozen)) {
        return;
    }
    char object[64];
    kms_text_format(object, sizeof object, KMS_ALARM_OBJECT_SOURCE "%s",
                    kms_word_label(kms_words_source(), (int)source));
    struct kms_alarm_finding *finding = kms_inquiry_add(&h->inquiry, &of, object);
    if (finding) {
        stale_text(h, source, finding->text, sizeof finding->text);
    }
}

/* As good as: the text is full. */
static bool is_drift_cut(const struct host *h)
{
    return strlen(h->judgement->drift) + 4 > sizeof h->judgement->drift;
}

/* Each part of the text is a drift of its own: one that goes does not tell the others again. What
 * was cut off at the end is no part. */
static void find_drift(struct host *h)
{
    const char *at = h->judgement->drift;
    bool is_cut = is_drift_cut(h);
    while (*at) {
        const char *sep = strstr(at, "; ");
        size_t len = sep ? (size_t)(sep - at) : strlen(at);
        bool is_part = sep || !is_cut || at == h->judgement->drift;
        const struct kms_alarm_condition of = {.type = KMS_ALARM_DRIFT,
                                               .owner = h->snapshot->target->name,
                                               .row = host_row(h),
                                               .severity = KMS_STATE_WARNING,
                                               .frozen = h->suppressed,
                                               .polled = h->answered &&
                                                         h->polled != KMS_SOURCE_DNS};
        char object[KMS_ALARM_NAME_SIZE];
        kms_text_format(object, sizeof object, "drift %.*s", (int)len, at);
        struct kms_alarm_finding *finding = is_part ? kms_inquiry_add(&h->inquiry, &of, object)
                                                    : NULL;
        if (finding) {
            kms_text_format(finding->text, sizeof finding->text, "%.*s", (int)len, at);
        }
        at += len + (sep ? 2 : 0);
    }
}

static void find_keys_and_classes(struct host *h)
{
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &h->judgement->cls[c];
        if (cls->present) {
            find_count(h, cls);
        }
        if (cls->present && cls->wanted) {
            find_unserved(h, cls);
        }
    }
    for (size_t i = 0; i < h->judgement->key_count; i++) {
        find_key(h, &h->judgement->key[i]);
    }
}

bool kms_alarm_find_host(struct kms_alarm_findings *findings, const struct kms_alarms *alarms,
                         const struct kms_snapshot *snapshot, enum kms_source polled,
                         struct kms_alarm_update *ret_update)
{
    const struct kms_result *last = snapshot->last[polled];
    struct host h = {.inquiry = {.findings = findings, .alarms = alarms},
                     .snapshot = snapshot,
                     .judgement = &snapshot->judgement,
                     .polled = polled};
    if (snapshot->retired || !last) {
        return false;
    }
    h.answered = kms_outcome_good(last->outcome) || last->outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
    kms_inquiry_begin(&h.inquiry, "host", snapshot->target->name);
    find_reach(&h);
    find_unreachable(&h);
    find_word(&h);
    find_keys_and_classes(&h);
    find_clock(&h);
    find_suspicion(&h);
    for (int source = 1; source <= KMS_SOURCE_MAX; source++) {
        if (source != KMS_SOURCE_DNS && is_enabled(&h, (enum kms_source)source)) {
            find_stale(&h, (enum kms_source)source);
        }
    }
    find_drift(&h);
    bool unsure = h.suppressed || !all_speak(&h);
    uint32_t drift = unsure || is_drift_cut(&h) ? KMS_ALARM_TYPE_BIT(KMS_ALARM_DRIFT) : 0;
    bool keys_polled = h.answered && kms_alarm_tells_keys(polled);
    *ret_update = (struct kms_alarm_update){.types = HOST_TYPES,
                                            .unsure = (unsure ? KEY_TYPES : 0) | drift,
                                            .polled = keys_polled ? HOST_TYPES
                                                                  : HOST_TYPES & ~KEY_TYPES};
    return kms_inquiry_end(&h.inquiry, ret_update);
}
