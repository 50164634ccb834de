/* Long lines, labels and the first line that the checks have in common. */
#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reader.h"
#include "vocab/hostkey.h"

#define FIRST_AIM 80

static const struct kms_key_judgement *key_of(const struct kms_check *check, size_t key)
{
    return &check->judgement.key[key];
}

static bool is_stale(const struct kms_check *check)
{
    return check->judgement.source[check->result->source].stale;
}

/* The day is enough for old data; the hour matters for today's. */
static void short_date(const struct kms_check *check, char *dst, size_t size)
{
    char date[32];

    dst[0] = '\0';
    if (!check->judgement.data_known) {
        return;
    }
    kms_date_text(date, sizeof(date), check->judgement.data_s);
    date[check->judgement.data_age_s > INT64_C(2) * 86400 ? 10 : 16] = '\0';
    kms_text_format(dst, size, "data of %s", date);
}

bool kms_show_stale(struct kms_check *check)
{
    char date[48];

    if (!is_stale(check)) {
        return false;
    }
    short_date(check, date, sizeof(date));
    kms_output_first(&check->out, "%s%s%s", check->judgement.summary, date[0] != '\0' ? ", " : "",
                     date);
    return true;
}

void kms_show_label(const struct kms_check *check, const char *stem, size_t key, char *dst,
                    size_t size)
{
    enum kms_application application = key_of(check, key)->application;
    unsigned number = 1;

    for (size_t i = 0; i < key; i++) {
        number += key_of(check, i)->application == application ? 1 : 0;
    }
    kms_text_format(dst, size, "%s_%s", stem,
                    kms_word_label(kms_words_application(), (int)application));
    if (number > 1) {
        kms_text_append(dst, size, "_%u", number);
    }
}

struct kms_perf kms_show_fact_perf(const struct kms_check *check, const char *label, size_t key,
                                   enum kms_fact_id fact)
{
    struct kms_perf perf = {.label = label};
    int64_t value = 0;

    perf.known = !is_stale(check) && kms_facts_number(&key_of(check, key)->facts, fact, &value);
    perf.value = (double)value;
    perf.min_known = true;
    return perf;
}

/* ---- the first line ---- */

static size_t count_shown(const struct kms_check *check)
{
    size_t shown = 0;

    for (size_t i = 0; i < check->judgement.key_count; i++) {
        shown += key_of(check, i)->superseded ? 0 : 1;
    }
    return shown;
}

static size_t append_texts(struct kms_check *check, kms_show_text_fn *text,
                           kms_show_state_fn *state, bool troubled_only, char *dst, size_t size)
{
    size_t left_out = 0;
    bool prefix = count_shown(check) > 1;

    for (size_t i = 0; i < check->judgement.key_count; i++) {
        char part[300];
        if (key_of(check, i)->superseded) {
            continue;
        }
        if (troubled_only && state(check, i) == KMS_STATE_OK) {
            left_out++;
            continue;
        }
        text(check, i, part, sizeof(part));
        kms_text_append(dst, size, "%s", dst[0] != '\0' ? "; " : "");
        if (prefix) {
            kms_text_append(dst, size, "%s ", kms_application_name(key_of(check, i)->application));
        }
        kms_text_append(dst, size, "%s", part);
    }
    return left_out;
}

static void append_unserved(const struct kms_check *check, char *dst, size_t size)
{
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        char text[64];
        if (cls->present && cls->key < 0) {
            kms_judge_class_text(cls, text, sizeof(text));
            kms_text_append(dst, size, "%s%s", dst[0] != '\0' ? "; " : "", text);
        }
    }
}

enum kms_state kms_show_disowned(struct kms_check *check)
{
    const struct kms_outcome_row *row = kms_outcome_row(KMS_OUTCOME_WSMAN_NOT_A_HOST);
    enum kms_state state = check->judgement.state;

    kms_output_first(&check->out, "%s", check->judgement.summary);
    kms_output_node(&check->out, 0, state, "%s: %s", row->token, row->meaning);
    kms_show_source(check, 0);
    kms_output_line(&check->out, 0, "next step: %s", row->hint);
    return state;
}

void kms_show_first(struct kms_check *check, kms_show_text_fn *text, kms_show_state_fn *state)
{
    char line[320] = "", date[48], machine[120] = "";
    size_t left_out;

    append_texts(check, text, state, false, line, sizeof(line));
    if (check->type->parts == KMS_CHECK_ALL) {
        kms_judge_machine_text(&check->judgement, machine, sizeof(machine));
    }
    if (strlen(line) > FIRST_AIM && count_shown(check) > 1) {
        line[0] = '\0';
        left_out = append_texts(check, text, state, true, line, sizeof(line));
        if (left_out > 0) {
            kms_text_append(line, sizeof(line), "%s%zu %s ok", line[0] != '\0' ? "; " : "",
                            left_out, left_out == 1 ? "key" : "keys");
        }
    }
    if (check->type->parts & KMS_CHECK_COUNT) {
        append_unserved(check, line, sizeof(line));
        if (check->judgement.drift[0] != '\0') {
            kms_text_append(line, sizeof(line), "; %s", check->judgement.drift);
        }
    }
    short_date(check, date, sizeof(date));
    kms_output_first(&check->out, "%s%s", machine, machine[0] != '\0' ? "; " : "");
    kms_output_first(&check->out, "%s%s%s", line, line[0] != '\0' && date[0] != '\0' ? "; " : "",
                     date);
}

/* ---- nodes ---- */

/* "XXXXX" and "*****" are blacked out. */
static bool is_legible(const char *partial)
{
    return partial != NULL && strspn(partial, "Xx*") < strlen(partial);
}

void kms_show_key_node(struct kms_check *check, unsigned depth, size_t key, enum kms_state state)
{
    const struct kms_key_judgement *of = key_of(check, key);
    const char *partial = kms_facts_text(&of->facts, KMS_FACT_PARTIAL_KEY);
    char name[160];

    kms_judge_key_name(of, name, sizeof(name));
    partial = is_legible(partial) ? partial : NULL;
    kms_output_node(&check->out, depth, state, "%s%s%s%s", name,
                    partial != NULL ? ", host key ending in " : "", partial != NULL ? partial : "",
                    of->superseded ? ", superseded by a licensed key" : "");
}

enum kms_state kms_show_classes_state(const struct kms_check *check, size_t key)
{
    enum kms_state state = KMS_STATE_OK;

    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        if (cls->present && cls->key == (int)key) {
            state = kms_state_worse(state, cls->state);
        }
    }
    return state;
}

/* With -w or -c the thresholds of classes that nobody declared are for information. */
static enum kms_state class_state(const struct kms_check *check,
                                  const struct kms_class_judgement *cls)
{
    bool replaced = check->type->parts == KMS_CHECK_COUNT && kms_check_ranged(check) &&
                    !is_stale(check);

    return replaced && !cls->wanted ? KMS_STATE_OK : cls->state;
}

static void class_node(struct kms_check *check, unsigned depth,
                       const struct kms_class_judgement *cls)
{
    char text[160];

    kms_judge_class_text(cls, text, sizeof(text));
    if (cls->verdict == KMS_VERDICT_BELOW_THRESHOLD) {
        kms_text_append(text, sizeof(text), ": %d more needed before any of them activates",
                        -cls->headroom);
    } else if (cls->verdict == KMS_VERDICT_CAN_ACTIVATE && cls->headroom == 0) {
        kms_text_append(text, sizeof(text), ": one machine less and none of them activates");
    } else if (cls->verdict == KMS_VERDICT_CAN_ACTIVATE) {
        kms_text_append(text, sizeof(text), ": %d above the threshold", cls->headroom);
    }
    kms_text_append(text, sizeof(text), "%s", kms_judge_reliance_text(cls, check->target.classes));
    kms_output_node(&check->out, depth, class_state(check, cls), "%s", text);
}

void kms_show_count_nodes(struct kms_check *check, unsigned depth, size_t key, enum kms_state state)
{
    const struct kms_key_judgement *of = key_of(check, key);
    int64_t count;

    if (kms_facts_number(&of->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        kms_output_node(&check->out, depth, state, "count %lld", (long long)count);
    } else {
        kms_output_node(&check->out, depth, state, "count not known");
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        if (cls->present && cls->key == (int)key) {
            class_node(check, depth + 1, cls);
        }
    }
}

void kms_show_epid_lines(struct kms_output *out, unsigned depth, const char *epid)
{
    struct kms_epid_explained explained;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];

    if (kms_epid_explain(epid, &explained)) {
        size_t count = kms_epid_lines(&explained, line);
        for (size_t i = 0; i < count; i++) {
            kms_output_line(out, depth, "%s", line[i]);
        }
    }
}

void kms_show_license_node(struct kms_check *check, unsigned depth, size_t key,
                           enum kms_state state)
{
    const struct kms_key_judgement *of = key_of(check, key);
    const char *epid = kms_facts_text(&of->facts, KMS_FACT_EPID);
    char text[300];

    kms_judge_key_text(of, text, sizeof(text));
    kms_output_node(&check->out, depth, state, "activation: %s", text);
    if (epid != NULL && check->options.verbose > 0) {
        kms_output_line(&check->out, depth + 1, "ePID %s", epid);
        kms_show_epid_lines(&check->out, depth + 2, epid);
    }
}

void kms_show_unserved_nodes(struct kms_check *check, unsigned depth)
{
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &check->judgement.cls[c];
        char text[64];
        if (!cls->present || cls->key >= 0) {
            continue;
        }
        kms_judge_class_text(cls, text, sizeof(text));
        kms_output_node(&check->out, depth, cls->state, "%s: %s", text,
                        cls->verdict == KMS_VERDICT_NOT_SERVED
                            ? kms_word_meaning(kms_words_verdict(), KMS_VERDICT_NOT_SERVED)
                            : "the report shows one product only; '/dlv all' shows every host key");
    }
}

void kms_show_drift_node(struct kms_check *check, unsigned depth, bool stale)
{
    if (check->judgement.drift[0] != '\0') {
        kms_output_node(&check->out, depth, stale ? KMS_STATE_UNKNOWN : KMS_STATE_WARNING, "%s",
                        check->judgement.drift);
    }
}

/* ---- source ---- */

static void show_facts(struct kms_check *check, unsigned depth, const struct kms_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        char text[300];
        if (row != NULL) {
            kms_fact_print(&facts->fact[i], text, sizeof(text));
            kms_output_line(&check->out, depth, "%s: %s%s%s", row->token, text,
                            row->type == KMS_TYPE_UINT && row->unit[0] != '\0' ? " " : "",
                            row->type == KMS_TYPE_UINT ? row->unit : "");
        }
    }
}

static void show_gaps(struct kms_check *check, unsigned depth)
{
    const struct kms_word_set *set = kms_words_coverage();
    char gaps[200] = "";

    for (size_t i = 0; i < set->count; i++) {
        if (!(check->judgement.coverage & KMS_BIT(set->words[i].number))) {
            kms_text_append(gaps, sizeof(gaps), "%s%s", gaps[0] != '\0' ? ", " : "",
                            set->words[i].label);
        }
    }
    if (gaps[0] != '\0') {
        kms_output_line(&check->out, depth, "not known from %s: %s",
                        check->result->source == KMS_SOURCE_WSMAN ? "the host" : "a report", gaps);
    }
}

/* Who set the limit of the data's age. */
static const char *limit_word(const struct kms_check *check)
{
    return check->agent.host != NULL && !check->options.max_age_given ? "kmsmond's max-age"
                                                                      : "--max-age";
}

/* Young enough only by the hours that a zone may account for. */
static void show_margin(struct kms_check *check, unsigned depth)
{
    const struct kms_source_judgement *source = &check->judgement.source[check->result->source];
    int64_t max_age_ms = check->target.source[check->result->source].max_age_ms;
    char age[32], limit[32], youngest[32];

    if (max_age_ms == 0 || source->stale || !source->age_known ||
        source->age_s * 1000 <= max_age_ms) {
        return;
    }
    kms_text_age(age, sizeof(age), source->age_s);
    kms_text_duration(limit, sizeof(limit), max_age_ms);
    kms_date_text(youngest, sizeof(youngest), check->result->data_s_max);
    kms_output_line(&check->out, depth,
                    "%s old as it stands, more than %s %s; but the report's time has no zone, and "
                    "by UTC it may be of %s",
                    age, limit_word(check), limit, youngest);
}

static void show_told(struct kms_check *check, unsigned depth, const char *what, const char *where,
                      const struct kms_result *result)
{
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    char date[96] = "";

    if (kms_outcome_good(result->outcome) || result == check->result) {
        if (result == check->result) {
            kms_judge_date_text(&check->judgement, date, sizeof(date));
        } else if (result->data_s != 0) {
            kms_text_copy(date, sizeof(date), "data of ");
            kms_date_text(date + strlen(date), sizeof(date) - strlen(date), result->data_s);
        }
        kms_output_line(&check->out, depth, "%s: %s %s, %s", check->target.name, what, where,
                        date[0] != '\0' ? date : "date not known");
        if (result->detail[0] != '\0') {
            kms_output_line(&check->out, depth, "note: %s", result->detail);
        }
        return;
    }
    kms_output_line(&check->out, depth, "%s: %s %s: %s: %s", check->target.name, what, where,
                    row->token, result->detail[0] != '\0' ? result->detail : row->meaning);
    kms_output_line(&check->out, depth, "next step: %s", row->hint);
}

static void append_age(const struct kms_check *check, const struct kms_result *result, char *dst,
                       size_t size)
{
    char age[120];

    if (check->agent.host != NULL) {
        kms_agent_age(&check->agent, result, age, sizeof(age));
        kms_text_append(dst, size, "%s%s", dst[0] != '\0' ? ", " : "", age);
    }
}

static void show_wsman(struct kms_check *check, unsigned depth)
{
    const char *mechanism = kms_facts_text(&check->wsman.host, KMS_FACT_WSMAN_MECHANISM);
    char where[320] = "";

    if (check->wsman.outcome == KMS_OUTCOME_NONE) {
        return;
    }
    if (check->options.wsman_url != NULL) {
        kms_report_show(check->options.wsman_url, where, sizeof(where));
    } else {
        kms_text_format(where, sizeof(where), "of %s", kms_target_address(&check->target));
    }
    if (mechanism != NULL) {
        kms_text_append(where, sizeof(where), " by %s", mechanism);
    }
    append_age(check, &check->wsman, where, sizeof(where));
    show_told(check, depth, "WS-Management", where, &check->wsman);
}

static void show_report(struct kms_check *check, unsigned depth)
{
    const char *what = kms_word_label(kms_words_source(), (int)check->report.source);
    char where[300] = "";

    if (check->report.outcome == KMS_OUTCOME_NONE) {
        return;
    }
    if (check->options.report != NULL) {
        kms_report_show(check->options.report, where, sizeof(where));
    }
    append_age(check, &check->report, where, sizeof(where));
    show_told(check, depth, what, where, &check->report);
}

void kms_show_source(struct kms_check *check, unsigned depth)
{
    const struct kms_judgement *judgement = &check->judgement;

    show_wsman(check, depth);
    show_report(check, depth);
    if (check->options.verbose < 1) {
        return;
    }
    show_margin(check, depth);
    show_gaps(check, depth);
    for (size_t i = 0; i < check->report.note_count; i++) {
        const struct kms_note *note = &check->report.note[i];
        kms_output_line(&check->out, depth, "line not recognised: '%s%s%s'", note->label,
                        note->value[0] != '\0' ? ": " : "", note->value);
    }
    if (check->options.verbose < 2) {
        return;
    }
    kms_output_line(&check->out, depth, "facts of the host:");
    show_facts(check, depth + 1, &judgement->host);
    for (size_t i = 0; i < judgement->key_count; i++) {
        kms_output_line(&check->out, depth, "facts of key %zu, %s:", i + 1,
                        judgement->key[i].identity);
        show_facts(check, depth + 1, &judgement->key[i].facts);
    }
    if (check->options.verbose < 3) {
        return;
    }
    kms_output_line(&check->out, depth, "read in %lld ms, fingerprint %016llx",
                    (long long)(check->result->duration_us / 1000),
                    (unsigned long long)check->result->fingerprint);
    if (check->windows != NULL) {
        kms_output_line(&check->out, depth, "state file %s", kms_windows_path(check->windows));
    }
}

/* ---- advice ---- */

static const char more_machines[] =
    "next step: let more machines of the class ask this host (slmgr /ato there)";
static const char more_machines_or_classes[] =
    "next step: let more machines of the class ask this host (slmgr /ato there), or say with "
    "--classes what the site relies on";

struct advice {
    enum kms_reason reason;
    const char *text;
};

static const struct advice advices[] = {
    {KMS_REASON_COUNT_LOW, more_machines},
    {KMS_REASON_KEY_NOT_LICENSED,
     "next step: activate the host key on the KMS host (slmgr /ato), by telephone if it has no way "
     "to the Internet"},
    {KMS_REASON_KEY_EXPIRING,
     "next step: activate the host key again on the KMS host (slmgr /ato) before it ends"},
    {KMS_REASON_STATUS_UNKNOWN,
     "next step: look at the license status with slmgr /dlv; please report the word that was not "
     "recognised"},
    {KMS_REASON_FAILED_REQUESTS,
     "next step: look for event 12290 and its error codes in the Key Management Service log of the "
     "host"},
    {KMS_REASON_NOT_SERVED,
     "next step: install a host key for the class, or take the class out of --classes"},
    {KMS_REASON_SERVICE_DOWN,
     "next step: start the service Software Protection (sppsvc) on the KMS host, and look into its "
     "Application log for why it stopped"},
    {KMS_REASON_CLOCK_SKEW,
     "next step: let the KMS host's clock be synchronised (w32tm /resync); clients whose clock is "
     "too far from it are refused (0xC004F06C)"},
    {KMS_REASON_NOT_ACTIVATING,
     "next step: look up what the error code of the activation request means for the host, and "
     "whether the product asked for is one that its key serves"},
    {KMS_REASON_CONFIG_DRIFT,
     "next step: compare the host's own settings with what clients and this check expect"},
};

/* Who has said what the site relies on is not told to say it. */
static const char *advice_of(const struct kms_check *check, const struct advice *advice)
{
    bool declared = check->target.classes != 0;

    return advice->reason == KMS_REASON_COUNT_LOW && !declared ? more_machines_or_classes
                                                               : advice->text;
}

void kms_show_advice(struct kms_check *check, uint32_t reasons)
{
    for (size_t i = 0; i < KMS_COUNT_OF(advices); i++) {
        if (reasons & KMS_BIT(advices[i].reason)) {
            kms_output_line(&check->out, 0, "%s", advice_of(check, &advices[i]));
        }
    }
    /* A host that could not be asked itself has its next step beside its outcome. */
    if ((reasons & KMS_BIT(KMS_REASON_STALE)) && check->judgement.source[KMS_SOURCE_REPORT].stale) {
        kms_output_line(&check->out, 0,
                        "next step: check the task on the KMS host that writes the report, or "
                        "raise %s",
                        limit_word(check));
    }
}
