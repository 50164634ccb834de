/* Merging what sources say about a host and its keys, by rank and freshness. */
#include "model/merge.h"

#include <stdlib.h>

#include "base/text.h"
#include "vocab/hostkey.h"

/* Highest first: the host's own word, its report, the wire. */
static const enum kms_source ranks[] = {KMS_SOURCE_WSMAN, KMS_SOURCE_REPORT, KMS_SOURCE_ACTIVATION,
                                        KMS_SOURCE_RPC,   KMS_SOURCE_EVENTS, KMS_SOURCE_DNS};

bool kms_source_outranks(enum kms_source a, enum kms_source b)
{
    for (size_t i = 0; i < KMS_COUNT_OF(ranks); i++) {
        if (ranks[i] == a || ranks[i] == b) {
            return ranks[i] == a && a != b;
        }
    }
    return false;
}

bool kms_evidence_disowns(const struct kms_evidence *evidence)
{
    const struct kms_result *last = evidence->last[KMS_SOURCE_WSMAN];
    return last && last->outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
}

const struct kms_result *kms_evidence_result(const struct kms_evidence *evidence,
                                             enum kms_source source)
{
    bool live = source == KMS_SOURCE_RPC || source == KMS_SOURCE_ACTIVATION ||
                source == KMS_SOURCE_DNS ||
                (source == KMS_SOURCE_WSMAN && kms_evidence_disowns(evidence));
    return live && evidence->last[source] ? evidence->last[source] : evidence->good[source];
}

void kms_key_identity(const struct kms_facts *key, char *dst, size_t size)
{
    const char *application = kms_facts_text(key, KMS_FACT_APPLICATION_ID);
    const char *activation = kms_facts_text(key, KMS_FACT_ACTIVATION_ID);
    const char *epid = kms_facts_text(key, KMS_FACT_EPID);
    const char *partial = kms_facts_text(key, KMS_FACT_PARTIAL_KEY);
    const char *channel = kms_facts_text(key, KMS_FACT_KEY_CHANNEL);
    if (activation) {
        kms_text_format(dst, size, "id:%s/%s", application ? application : "?", activation);
    } else if (epid) {
        kms_text_format(dst, size, "epid:%s", epid);
    } else {
        enum kms_application known = kms_application_of(application);
        kms_text_format(dst, size, "key:%s/%s/%s",
                        kms_word_label(kms_words_application(), (int)known),
                        channel ? channel : "?", partial ? partial : "?");
    }
}

const char *kms_key_window_name(const struct kms_key_judgement *key)
{
    return key->told ? key->told : key->identity;
}

static enum kms_application application_of(const struct kms_facts *key)
{
    return kms_application_of(kms_facts_text(key, KMS_FACT_APPLICATION_ID));
}

static bool same_text(const struct kms_facts *a, const struct kms_facts *b, enum kms_fact_id id)
{
    const char *x = kms_facts_text(a, id);
    return x && kms_text_equal(x, kms_facts_text(b, id));
}

static size_t count_application(const struct kms_result *result, enum kms_application application)
{
    size_t count = 0;
    for (size_t i = 0; i < result->key_count; i++) {
        count += application_of(&result->key[i]) == application ? 1 : 0;
    }
    return count;
}

static size_t count_judged(const struct kms_judgement *judgement, enum kms_application application)
{
    size_t count = 0;
    for (size_t i = 0; i < judgement->key_count; i++) {
        count += judgement->key[i].application == application ? 1 : 0;
    }
    return count;
}

/* Application and activation id; by ePID where one lacks the id; else the sole key of that
 * application. */
static struct kms_key_judgement *find_key(struct kms_judgement *judgement,
                                          const struct kms_result *result,
                                          const struct kms_facts *key)
{
    enum kms_application application = application_of(key);
    bool sole = count_application(result, application) == 1 &&
                count_judged(judgement, application) == 1;
    for (size_t i = 0; i < judgement->key_count; i++) {
        struct kms_key_judgement *have = &judgement->key[i];
        bool both_ids = kms_facts_has(key, KMS_FACT_ACTIVATION_ID) &&
                        kms_facts_has(&have->facts, KMS_FACT_ACTIVATION_ID);
        bool same = both_ids ? same_text(key, &have->facts, KMS_FACT_ACTIVATION_ID)
                             : same_text(key, &have->facts, KMS_FACT_EPID) ||
                                   (sole && have->application == application);
        if (same && have->application == application) {
            return have;
        }
    }
    return NULL;
}

static void note_drift(struct kms_judgement *ret, const char *what, const char *a,
                       enum kms_source a_source, const char *b, enum kms_source b_source)
{
    kms_text_append(ret->drift, sizeof ret->drift, "%s%s %s (%s) but %s (%s)",
                    ret->drift[0] ? "; " : "", what, a,
                    kms_word_label(kms_words_source(), (int)a_source), b,
                    kms_word_label(kms_words_source(), (int)b_source));
}

/* Blacked-out characters fit any; what is blacked out altogether says nothing. */
static bool contradict(const char *a, const char *b)
{
    bool hidden = true;
    for (size_t i = 0;; i++) {
        char x = kms_text_lower(a[i]);
        char y = kms_text_lower(b[i]);
        bool fits = x == 'x' || x == '*' || y == 'x' || y == '*';
        if (x == '\0' || y == '\0') {
            return !hidden && x != y;
        }
        if (!fits && x != y) {
            return true;
        }
        hidden = hidden && fits;
    }
}

/* The highest source that is not stale and gave the value. */
static enum kms_source teller_of(const struct kms_evidence *evidence,
                                 const struct kms_judgement *judgement, enum kms_fact_id id,
                                 const char *value)
{
    for (size_t i = 0; i < KMS_COUNT_OF(ranks); i++) {
        const struct kms_result *result = kms_evidence_result(evidence, ranks[i]);
        for (size_t k = 0; result && !judgement->source[ranks[i]].stale && k < result->key_count;
             k++) {
            if (kms_text_equal(kms_facts_text(&result->key[k], id), value)) {
                return ranks[i];
            }
        }
    }
    return ranks[0];
}

/* What cannot change between two polls: where it differs, the key is another one. */
static const enum kms_fact_id steady[] = {KMS_FACT_EPID, KMS_FACT_PARTIAL_KEY};

static bool differs(const struct kms_facts *a, const struct kms_facts *b, enum kms_fact_id id)
{
    const char *x = kms_facts_text(a, id);
    const char *y = kms_facts_text(b, id);
    return x && y && contradict(x, y);
}

/* Only that can contradict: key and ePID here, the port below. */
static void compare_keys(const struct kms_evidence *evidence, struct kms_judgement *ret,
                         const struct kms_key_judgement *have, const struct kms_facts *key,
                         enum kms_source source)
{
    for (size_t i = 0; i < KMS_COUNT_OF(steady); i++) {
        if (differs(&have->facts, key, steady[i])) {
            const char *a = kms_facts_text(&have->facts, steady[i]);
            note_drift(ret, kms_fact_row(steady[i])->token, a,
                       teller_of(evidence, ret, steady[i], a), kms_facts_text(key, steady[i]),
                       source);
        }
    }
}

/* Two keys of which nothing tells which is which are still two keys. */
static void tell_apart(const struct kms_judgement *ret, struct kms_key_judgement *key)
{
    char plain[KMS_KEY_IDENTITY_SIZE];
    kms_text_copy(plain, sizeof plain, key->identity);
    unsigned same = 1;
    for (size_t i = 0; i < ret->key_count; i++) {
        if (kms_text_equal(ret->key[i].identity, key->identity)) {
            /* The number goes in front, where a long identity cannot cut it off. */
            kms_text_format(key->identity, sizeof key->identity, "%u:%s", ++same, plain);
        }
    }
}

/* By the best evidence: one that may be older or younger by a time zone stays where it is. A host
 * is asked for one application at a time, so each has a time of its own. */
static int64_t time_of(const struct kms_result *result, const struct kms_facts *key)
{
    int64_t time_s;
    bool told = result->source == KMS_SOURCE_ACTIVATION &&
                kms_facts_has(key, KMS_FACT_CURRENT_COUNT) &&
                kms_facts_number(key, KMS_FACT_ANSWERED, &time_s);
    return told ? time_s : result->data_s;
}

static int64_t time_of_count(const struct kms_result *result, const struct kms_facts *key)
{
    int64_t time_s = time_of(result, key);
    return !kms_facts_has(key, KMS_FACT_CURRENT_COUNT) ? 0
           : time_s != 0                               ? time_s
                                                       : result->data_s_max;
}

static enum kms_status add_key(struct kms_judgement *ret, const struct kms_facts *facts,
                               const struct kms_result *result, bool stale)
{
    struct kms_key_judgement *grown = realloc(ret->key, (ret->key_count + 1) * sizeof *ret->key);
    if (!grown) {
        return KMS_ENOMEM;
    }
    ret->key = grown;
    struct kms_key_judgement *key = &ret->key[ret->key_count];
    *key = (struct kms_key_judgement){.application = application_of(facts),
                                      .source = result->source,
                                      .data_s = time_of(result, facts),
                                      .count_s = time_of_count(result, facts),
                                      .stale = stale};
    if (kms_facts_copy(&key->facts, facts) != KMS_OK) {
        return KMS_ENOMEM;
    }
    kms_key_identity(&key->facts, key->identity, sizeof key->identity);
    tell_apart(ret, key);
    ret->key_count++;
    return KMS_OK;
}

/* A lower source adds a fact that verdicts rest on: the key is as old as that. */
static bool decides_more(const struct kms_facts *have, const struct kms_facts *more)
{
    static const enum kms_fact_id deciding[] = {KMS_FACT_CURRENT_COUNT, KMS_FACT_LICENSE_STATUS,
                                                KMS_FACT_LICENSE_EXPIRES, KMS_FACT_TOTAL_REQUESTS,
                                                KMS_FACT_FAILED_REQUESTS};
    for (size_t i = 0; i < KMS_COUNT_OF(deciding); i++) {
        if (kms_facts_has(more, deciding[i]) && !kms_facts_has(have, deciding[i])) {
            return true;
        }
    }
    return false;
}

/* 0: not known. */
static int64_t older(int64_t a_s, int64_t b_s)
{
    return b_s != 0 && (a_s == 0 || b_s < a_s) ? b_s : a_s;
}

/* Facts that mean something only together: whoever gave the first gave them all, and what it left
 * out is not there. A licensed key has no end that an older report knew of. */
static void drop_parted(const struct kms_facts *have, struct kms_facts *more)
{
    static const struct {
        enum kms_fact_id first;
        enum kms_fact_id rest[8]; /* 0 ends them */
    } together[] = {
        {KMS_FACT_LICENSE_STATUS,
         {KMS_FACT_LICENSE_WORD, KMS_FACT_LICENSE_REASON, KMS_FACT_LICENSE_EXPIRES}},
        {KMS_FACT_TOTAL_REQUESTS,
         {KMS_FACT_FAILED_REQUESTS, KMS_FACT_REQUESTS_UNLICENSED, KMS_FACT_REQUESTS_LICENSED,
          KMS_FACT_REQUESTS_OOB_GRACE, KMS_FACT_REQUESTS_OOT_GRACE,
          KMS_FACT_REQUESTS_NON_GENUINE_GRACE, KMS_FACT_REQUESTS_NOTIFICATION}},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(together); i++) {
        bool given = kms_facts_has(have, together[i].first);
        for (size_t k = 0; given && together[i].rest[k] != 0; k++) {
            kms_facts_remove(more, together[i].rest[k]);
        }
    }
}

static enum kms_status fill_key(struct kms_key_judgement *have, const struct kms_result *result,
                                const struct kms_facts *facts)
{
    struct kms_facts more = {0};
    enum kms_status status = kms_facts_copy(&more, facts);
    if (status != KMS_OK) {
        return status;
    }
    drop_parted(&have->facts, &more);
    if (decides_more(&have->facts, &more)) {
        have->data_s = older(have->data_s, time_of(result, facts));
    }
    if (!kms_facts_has(&have->facts, KMS_FACT_CURRENT_COUNT)) {
        have->count_s = time_of_count(result, facts);
    }
    status = kms_facts_fill(&have->facts, &more);
    kms_facts_done(&more);
    return status;
}

/* The host's own Windows lists every key that is installed; what an older report shows beside them
 * is gone. */
static bool is_gone(const struct kms_evidence *evidence, const struct kms_judgement *judgement,
                    enum kms_source source)
{
    return source == KMS_SOURCE_REPORT && !judgement->source[KMS_SOURCE_WSMAN].stale &&
           kms_evidence_result(evidence, KMS_SOURCE_WSMAN);
}

static bool is_known(const struct kms_judgement *ret, const char *identity)
{
    for (size_t i = 0; i < ret->key_count; i++) {
        if (kms_text_equal(ret->key[i].identity, identity)) {
            return true;
        }
    }
    return false;
}

/* A higher source is silent and knew the key by another name, which stays: rows, alarms and history
 * go by it. */
static enum kms_status keep_identity(const struct kms_judgement *ret,
                                     struct kms_key_judgement *have,
                                     const struct kms_result *result, const struct kms_facts *facts)
{
    char identity[KMS_KEY_IDENTITY_SIZE];
    if (have->told || !kms_source_outranks(result->source, have->source)) {
        return KMS_OK;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(steady); i++) {
        if (differs(&have->facts, facts, steady[i])) {
            return KMS_OK;
        }
    }
    kms_key_identity(facts, identity, sizeof identity);
    if (is_known(ret, identity)) {
        return KMS_OK;
    }
    have->told = kms_text_dup(have->identity);
    if (!have->told) {
        return KMS_ENOMEM;
    }
    kms_text_copy(have->identity, sizeof have->identity, identity);
    return KMS_OK;
}

static enum kms_status merge_keys(const struct kms_evidence *evidence, struct kms_judgement *ret,
                                  const struct kms_result *result, bool stale)
{
    for (size_t i = 0; i < result->key_count; i++) {
        const struct kms_facts *facts = &result->key[i];
        struct kms_key_judgement *have = find_key(ret, result, facts);
        if (!have && is_gone(evidence, ret, result->source)) {
            continue;
        }
        if (!have) {
            if (add_key(ret, facts, result, stale) != KMS_OK) {
                return KMS_ENOMEM;
            }
            continue;
        }
        if (stale && !have->stale) {
            /* Old facts must not stand beside new ones as if they were. */
            if (keep_identity(ret, have, result, facts) != KMS_OK) {
                return KMS_ENOMEM;
            }
            continue;
        }
        if (!stale) {
            compare_keys(evidence, ret, have, facts, result->source);
        }
        if (fill_key(have, result, facts) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

static void compare_port(const struct kms_target *target, const struct kms_result *result,
                         struct kms_judgement *ret, enum kms_source had)
{
    int64_t port;
    int64_t other;
    char a[32];
    char b[32];
    if (!kms_facts_number(&result->host, KMS_FACT_LISTENING_PORT, &port)) {
        return;
    }
    kms_text_format(b, sizeof b, "%lld", (long long)port);
    if (kms_facts_number(&ret->host, KMS_FACT_LISTENING_PORT, &other)) {
        if (other != port) {
            kms_text_format(a, sizeof a, "%lld", (long long)other);
            note_drift(ret, "port", a, had, b, result->source);
        }
    } else if (target->port_given && target->port != port) {
        kms_text_append(ret->drift, sizeof ret->drift, "listens on port %s, expected %lld", b,
                        (long long)target->port);
    }
}

static enum kms_status merge_round(const struct kms_evidence *evidence, struct kms_judgement *ret,
                                   bool stale)
{
    enum kms_source had_port = KMS_SOURCE_REPORT;
    for (size_t i = 0; i < KMS_COUNT_OF(ranks); i++) {
        const struct kms_result *result = kms_evidence_result(evidence, ranks[i]);
        if (!result || ret->source[ranks[i]].stale != stale) {
            continue;
        }
        if (!stale) {
            compare_port(evidence->target, result, ret, had_port);
        }
        if (!kms_facts_has(&ret->host, KMS_FACT_LISTENING_PORT)) {
            had_port = ranks[i];
        }
        if (kms_facts_fill(&ret->host, &result->host) != KMS_OK ||
            merge_keys(evidence, ret, result, stale) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

static void note_change(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    const struct kms_epid_change *change = evidence->epid_change;
    if (change) {
        kms_text_append(ret->drift, sizeof ret->drift, "%s%s: ePID %s became %s",
                        ret->drift[0] ? "; " : "", kms_application_name(change->application),
                        change->was, change->is);
    }
}

/* "port", "publishing": one word is enough beside the values. */
static const char *setting_name(enum kms_fact_id fact)
{
    switch (fact) {
    case KMS_FACT_LISTENING_PORT:
        return "port";
    case KMS_FACT_DNS_PUBLISHING:
        return "DNS publishing";
    case KMS_FACT_PRIORITY:
        return "priority";
    default:
        return kms_fact_row(fact)->token;
    }
}

static void note_settings(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    for (size_t i = 0; i < evidence->setting_change_count; i++) {
        const struct kms_setting_change *change = &evidence->setting_change[i];
        /* Another key has another ePID, which says more. */
        if (change->fact == KMS_FACT_PARTIAL_KEY && evidence->epid_change &&
            evidence->epid_change->application == change->application) {
            continue;
        }
        kms_text_append(
            ret->drift, sizeof ret->drift, "%s%s%s%s %s became %s", ret->drift[0] ? "; " : "",
            change->application ? kms_application_name(change->application) : "",
            change->application ? ": " : "", setting_name(change->fact), change->was, change->is);
    }
}

/* The wire gives an ePID and no name. */
static enum kms_status name_keys(struct kms_judgement *ret)
{
    for (size_t i = 0; i < ret->key_count; i++) {
        struct kms_facts *facts = &ret->key[i].facts;
        struct kms_key_kind kind;
        if (kms_facts_has(facts, KMS_FACT_KEY_GROUP) ||
            !kms_key_kind_of(ret->key[i].application, kms_facts_text(facts, KMS_FACT_KEY_CHANNEL),
                             kms_facts_text(facts, KMS_FACT_EPID), &kind) ||
            !kind.name) {
            continue;
        }
        enum kms_status status = kms_facts_set_text(facts, KMS_FACT_KEY_GROUP, kind.name);
        if (status != KMS_OK) {
            return status;
        }
    }
    return KMS_OK;
}

/* A report that is older than the monitor's first request counts without it. */
static enum kms_status settle_own_entries(struct kms_judgement *ret)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < ret->key_count && status == KMS_OK; i++) {
        struct kms_key_judgement *key = &ret->key[i];
        int64_t since_s;
        if (key->count_s != 0 &&
            kms_facts_number(&key->facts, KMS_FACT_OWN_ENTRY_SINCE, &since_s) &&
            key->count_s < since_s) {
            status = kms_facts_set_number(&key->facts, KMS_FACT_OWN_ENTRY, 0);
        }
    }
    return status;
}

enum kms_status kms_merge(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    note_change(evidence, ret);
    note_settings(evidence, ret);
    enum kms_status status = merge_round(evidence, ret, false);
    status = status == KMS_OK ? merge_round(evidence, ret, true) : status;
    status = status == KMS_OK ? settle_own_entries(ret) : status;
    return status == KMS_OK ? name_keys(ret) : status;
}
