/* When a host may be asked, for which product, and what is kept of the answer. */
#include "rpc/plan.h"

#include <string.h>

#include "base/text.h"
#include "vocab/product.h"

#define DETAIL_SIZE (sizeof((struct kms_memory *)0)->detail)

/* ---- what is known of the key ---- */

static const char *known(const char *text)
{
    return text ? text : "";
}

/* One word of printable ASCII, as the file keeps it. */
static void copy_epid(char dst[KMS_EPID_MAX], const char *src)
{
    size_t at = 0;
    for (; src[at] != '\0' && at < KMS_EPID_MAX - 1; at++) {
        dst[at] = '?';
        if (src[at] > ' ' && src[at] < 0x7f) {
            dst[at] = src[at];
        }
    }
    dst[at] = '\0';
}

static const char *answered_epid(const struct kms_memory *memory,
                                 const struct kms_guid *application)
{
    const struct kms_answer *answer = kms_memory_answer(memory, application);
    return answer ? answer->epid : "";
}

/* Another source tells of one key; a host may have one for each application. */
static bool is_of_application(const char *epid, const struct kms_guid *application)
{
    const struct kms_product *product = kms_product_of_epid(epid);
    return epid[0] != '\0' && (!product || kms_guid_equal(&product->application, application));
}

/* The ePID of the key that serves the application, whoever tells it. */
static const char *key_epid(const struct kms_memory *memory, const struct kms_plan_about *about,
                            const struct kms_guid *application)
{
    const char *told = known(about->epid);
    return is_of_application(told, application) ? told : answered_epid(memory, application);
}

/* Only two keys that are both known can differ. */
static bool is_other_key(const char *a, const char *b)
{
    return a[0] != '\0' && b[0] != '\0' && !kms_text_equal_nocase(a, b);
}

static const struct kms_refusal *refusal_of(const struct kms_memory *memory,
                                            const struct kms_product *product)
{
    for (size_t i = 0; i < memory->refusal_count; i++) {
        if (kms_guid_equal(&memory->refusal[i].counted, &product->counted)) {
            return &memory->refusal[i];
        }
    }
    return NULL;
}

static bool is_refused(const struct kms_memory *memory, const struct kms_plan_about *about,
                       const struct kms_product *product)
{
    const struct kms_refusal *refusal = refusal_of(memory, product);
    return refusal && !is_other_key(refusal->epid, key_epid(memory, about, &product->application));
}

static void drop_refusal(struct kms_memory *memory, size_t at)
{
    memory->refusal_count--;
    memmove(&memory->refusal[at], &memory->refusal[at + 1],
            (memory->refusal_count - at) * sizeof memory->refusal[0]);
}

static void forget_refusal(struct kms_memory *memory, const struct kms_guid *counted)
{
    for (size_t i = memory->refusal_count; i > 0; i--) {
        if (kms_guid_equal(&memory->refusal[i - 1].counted, counted)) {
            drop_refusal(memory, i - 1);
        }
    }
}

static void remember_refusal(struct kms_memory *memory, const struct kms_plan_about *about,
                             const struct kms_product *product, int64_t now_s)
{
    struct kms_refusal refusal = {.counted = product->counted, .wall_s = now_s};
    copy_epid(refusal.epid, key_epid(memory, about, &product->application));
    forget_refusal(memory, &product->counted);
    if (memory->refusal_count == KMS_REFUSALS_MAX) {
        drop_refusal(memory, 0);
    }
    memory->refusal[memory->refusal_count++] = refusal;
}

/* ---- the product ---- */

/* Whatever a table says: a number of clients other than 5 and 25 would harm the host. */
static bool may_be_asked(const struct kms_product *product)
{
    return product && !kms_product_refusal(product);
}

/* What the product becomes on a host that knows no higher version than the ceiling. */
static const struct kms_product *below_ceiling(const struct kms_product *product, uint16_t ceiling)
{
    while (may_be_asked(product) && ceiling != 0 && product->protocol > ceiling) {
        product = kms_product_older(product);
    }
    return may_be_asked(product) ? product : NULL;
}

/* Whether it is the ePID that answers for another application came with. */
static bool is_of_another(const struct kms_memory *memory, const char *epid,
                          const struct kms_guid *application)
{
    for (size_t i = 0; i < memory->answer_count; i++) {
        const struct kms_answer *answer = &memory->answer[i];
        if (!kms_guid_equal(&answer->application, application) &&
            kms_text_equal_nocase(answer->epid, epid)) {
            return true;
        }
    }
    return false;
}

/* A host that was upgraded knows more: one version above the ceiling is asked for when the key is
 * another than the one that it was learned with, or a week later. When that is refused, one version
 * back is the one that the host answers in. */
static uint16_t ceiling_now(const struct kms_memory *memory, const struct kms_plan_about *about,
                            const struct kms_guid *application, int64_t now_s)
{
    bool replaced = is_other_key(memory->ceiling_epid, key_epid(memory, about, application)) &&
                    !is_of_another(memory, memory->ceiling_epid, application);
    bool due = replaced || now_s >= memory->ceiling_s + KMS_PLAN_CEILING_S;
    return memory->ceiling != 0 && due ? (uint16_t)(memory->ceiling + 1) : memory->ceiling;
}

static void learn_ceiling(struct kms_memory *memory, const struct kms_plan_about *about,
                          const struct kms_product *known, int64_t now_s)
{
    memory->ceiling = (uint16_t)known->protocol;
    memory->ceiling_s = now_s;
    copy_epid(memory->ceiling_epid, key_epid(memory, about, &known->application));
}

static void forget_ceiling(struct kms_memory *memory)
{
    memory->ceiling = 0;
    memory->ceiling_s = 0;
    memory->ceiling_epid[0] = '\0';
}

struct choices {
    const struct kms_product *product[4];
    size_t count;
};

static void add_choice(struct choices *choices, const struct kms_product *product,
                       const struct kms_guid *application, uint16_t ceiling)
{
    const struct kms_product *fit = below_ceiling(product, ceiling);
    bool meant = fit && kms_guid_equal(&fit->application, application);
    if (meant && choices->count < KMS_COUNT_OF(choices->product)) {
        choices->product[choices->count++] = fit;
    }
}

/* Only of the application that the host is meant to serve: what is configured, else the key's name,
 * says which one. Where it has no version below the ceiling, which another application taught, its
 * oldest is the one choice. Never empty. */
static struct choices choices_of(const struct kms_memory *memory,
                                 const struct kms_plan_about *about, int64_t now_s)
{
    struct choices choices = {.count = 0};
    const struct kms_product *named = about->key_name ? kms_product_of_key(about->key_name) : NULL;
    const struct kms_product *meant = may_be_asked(about->configured) ? about->configured : named;
    const struct kms_product *base =
        may_be_asked(meant) ? kms_product_of_application(kms_product_application(meant)) : NULL;
    base = base ? base : kms_product_preset();
    const struct kms_guid *application = &base->application;
    const char *epid = key_epid(memory, about, application);
    uint16_t ceiling = ceiling_now(memory, about, application, now_s);
    add_choice(&choices, about->configured, application, ceiling);
    add_choice(&choices, named, application, ceiling);
    add_choice(&choices, epid[0] != '\0' ? kms_product_of_epid(epid) : NULL, application, ceiling);
    add_choice(&choices, base, application, ceiling);
    if (choices.count == 0) {
        add_choice(&choices, base, application, 0);
    }
    return choices;
}

/* ---- when ---- */

static struct kms_step later(int64_t when_s, bool save, const char *why)
{
    struct kms_step step = {.kind = KMS_PLAN_LATER, .when_s = when_s, .save = save};
    kms_text_copy(step.why, sizeof step.why, why);
    return step;
}

static int64_t interval_of(const struct kms_plan_about *about)
{
    return about->interval_s < KMS_PLAN_INTERVAL_MIN_S ? KMS_PLAN_INTERVAL_MIN_S
                                                       : about->interval_s;
}

static struct kms_step ask_for(const struct kms_memory *memory, const struct kms_plan_about *about,
                               const struct kms_product *product, bool save)
{
    struct kms_step step = {
        .kind = KMS_PLAN_ASK, .product = product, .save = save, .up_s = about->up_s};
    bool replaced = about->configured && is_refused(memory, about, about->configured) &&
                    !kms_guid_equal(&about->configured->counted, &product->counted);
    step.refused = replaced ? about->configured : NULL;
    return step;
}

/* How long the shortest interval still lasts on the clock that nobody sets: one that was set
 * forward must not let a request out. After a restart of the machine it may last once more. */
static int64_t rest_up_s(const struct kms_memory *memory, const struct kms_plan_about *about)
{
    int64_t age_s = about->up_s - memory->asked_up_s;
    bool young = memory->asked_up_s != 0 && about->up_s != 0 && age_s >= 0 &&
                 age_s < KMS_PLAN_INTERVAL_MIN_S;
    return young ? KMS_PLAN_INTERVAL_MIN_S - age_s : 0;
}

/* Whoever asks for another application of the host goes first, as long as there is one: two askers
 * of the same interval would meet at the same moment for ever, and one of them never be heard. */
static bool is_others_turn(const struct kms_memory *memory, const struct kms_plan_about *about,
                           const struct kms_product *product, int64_t now_s)
{
    int64_t fresh_s = kms_memory_fresh_s(memory, interval_of(about));
    bool again = memory->outcome == KMS_OUTCOME_OK && memory->answer_count > 1 &&
                 kms_guid_equal(&memory->answer[0].application, &product->application);
    return again && now_s < memory->asked_s + interval_of(about) + KMS_PLAN_YIELD_S &&
           now_s - memory->answer[1].wall_s < fresh_s;
}

struct kms_step kms_plan_next(struct kms_memory *memory, const struct kms_plan_about *about,
                              int64_t now_s)
{
    if (memory->asked_s > now_s) {
        memory->asked_up_s = about->up_s; /* as the wall clock's: it may be set forward again */
    }
    bool save = kms_memory_settle(memory, now_s);
    int64_t rest_s = memory->asked_s != 0 ? rest_up_s(memory, about) : 0;
    int64_t due_s = memory->asked_s + interval_of(about);
    if (memory->asked_s != 0 && now_s < due_s) {
        return later(due_s, save, "the interval since the last request is not over");
    }
    if (rest_s > 0) {
        return later(now_s + rest_s, save, "the clock was set since the last request");
    }
    if (about->configured && !may_be_asked(about->configured)) {
        return later(
            now_s + KMS_PLAN_INTERVAL_MAX_S, save,
            "a KMS host cannot be asked for the configured product; configure another one");
    }
    struct choices choices = choices_of(memory, about, now_s);
    for (size_t i = 0; i < choices.count; i++) {
        if (is_refused(memory, about, choices.product[i])) {
            continue;
        }
        if (is_others_turn(memory, about, choices.product[i], now_s)) {
            return later(due_s + KMS_PLAN_YIELD_S, save,
                         "another application of the host is asked for first");
        }
        return ask_for(memory, about, choices.product[i], save);
    }
    const struct kms_refusal *first = refusal_of(memory, choices.product[0]);
    if (first && now_s >= first->wall_s + KMS_PLAN_REFUSED_S) {
        return ask_for(memory, about, choices.product[0], save);
    }
    return later(first ? first->wall_s + KMS_PLAN_REFUSED_S : now_s, save,
                 "the host's key serves none of the products that could be asked for; configure "
                 "the product that it is meant to serve");
}

/* ---- one request ---- */

void kms_plan_sent(struct kms_memory *memory, int64_t now_s, int64_t up_s)
{
    memory->asked_s = now_s;
    memory->asked_up_s = up_s;
}

void kms_plan_begin(struct kms_memory *memory, struct kms_step *step, int64_t now_s)
{
    step->asked_before_s = memory->asked_s;
    step->asked_before_up_s = memory->asked_up_s;
    kms_plan_sent(memory, now_s, step->up_s);
    memory->tried_s = now_s;
    memory->sku = step->product->sku;
    memory->protocol = (uint16_t)step->product->protocol;
    memory->outcome = KMS_OUTCOME_NONE;
    memory->hresult = 0;
    kms_text_copy(memory->detail, DETAIL_SIZE, "the last request was not brought to its end");
}

void kms_plan_ask(const struct kms_step *step, const struct kms_guid *cmid, const char *workstation,
                  int64_t now_us, struct kms_ask *ret)
{
    const struct kms_product *product = step->product;
    *ret = (struct kms_ask){.major = (uint16_t)product->protocol,
                            .license_status = KMS_PLAN_LICENSE_STATUS,
                            .expires_minutes = KMS_PLAN_EXPIRES_MINUTES,
                            .application = product->application,
                            .sku = product->sku,
                            .counted = product->counted,
                            .cmid = *cmid,
                            .n_policy = product->n_policy,
                            .filetime = kms_filetime(now_us / 1000000, now_us % 1000000),
                            .workstation = workstation};
}

/* ---- what came of it ---- */

/* A key that was replaced may serve what the old one did not, and its host know more versions:
 * unless that was learned in this very poll, or the ePID changes so often that it tells nothing. */
static void key_changed(struct kms_memory *memory, const struct kms_plan_about *about,
                        const struct kms_step *step, const struct kms_answer *old,
                        const struct kms_answer *new)
{
    bool often = old->changed_s != 0 && new->wall_s - old->changed_s < KMS_PLAN_EPID_CHANGE_S;
    memory->refusal_count = 0;
    if (!step->back && !often) {
        forget_ceiling(memory);
    } else if (memory->ceiling != 0) {
        const char *told = known(about->epid);
        copy_epid(memory->ceiling_epid,
                  is_of_application(told, &new->application) ? told : new->epid);
    }
}

/* What was refused before anything was known of the key was refused by this one. */
static void name_key(struct kms_memory *memory, const char *epid)
{
    for (size_t i = 0; i < memory->refusal_count; i++) {
        if (memory->refusal[i].epid[0] == '\0') {
            kms_text_copy(memory->refusal[i].epid, sizeof memory->refusal[i].epid, epid);
        }
    }
    if (memory->ceiling_s != 0 && memory->ceiling_epid[0] == '\0') {
        kms_text_copy(memory->ceiling_epid, sizeof memory->ceiling_epid, epid);
    }
}

static struct kms_answer answer_of(const struct kms_product *product,
                                   const struct kms_plan_answer *answer, int64_t now_s)
{
    const struct kms_reply *reply = answer->reply;
    struct kms_answer new = {.application = product->application,
                             .wall_s = now_s,
                             .protocol = (uint16_t)product->protocol,
                             .count = reply->count,
                             .activation_minutes = reply->activation_minutes,
                             .renewal_minutes = reply->renewal_minutes,
                             .has_hwid = reply->has_hwid,
                             .hints = answer->hints};
    copy_epid(new.epid, reply->epid);
    if (reply->has_hwid) {
        memcpy(new.hwid, reply->hwid, sizeof new.hwid);
    }
    return new;
}

/* Takes the answer of the same application out, else the oldest when there is no room. */
static void make_room(struct kms_memory *memory, const struct kms_guid *application)
{
    size_t at = 0;
    while (at < memory->answer_count &&
           !kms_guid_equal(&memory->answer[at].application, application)) {
        at++;
    }
    if (at == memory->answer_count && at == KMS_ANSWERS_MAX) {
        at--;
    }
    size_t gone = at < memory->answer_count ? 1 : 0;
    memmove(&memory->answer[1], &memory->answer[0], at * sizeof memory->answer[0]);
    memory->answer_count += 1 - gone;
}

static void remember_answer(struct kms_memory *memory, const struct kms_plan_about *about,
                            const struct kms_step *step, const struct kms_plan_answer *answer,
                            int64_t now_s)
{
    const struct kms_product *product = step->product;
    struct kms_answer new = answer_of(product, answer, now_s);
    const struct kms_answer *old = kms_memory_answer(memory, &product->application);
    if (old && is_other_key(old->epid, new.epid)) {
        kms_text_copy(new.epid_before, sizeof new.epid_before, old->epid);
        new.changed_s = now_s;
        key_changed(memory, about, step, old, &new);
    } else if (old) {
        kms_text_copy(new.epid_before, sizeof new.epid_before, old->epid_before);
        new.changed_s = old->changed_s;
    }
    if (product->protocol > memory->ceiling) {
        forget_ceiling(memory);
    }
    bool counted = old && now_s - old->wall_s < KMS_OWN_ENTRY_S;
    new.since_s = counted ? old->since_s : now_s;
    make_room(memory, &product->application);
    memory->answer[0] = new;
    forget_refusal(memory, &product->counted);
    name_key(memory, new.epid);
}

/* The version was not known there, unless it was the oldest of its application: then something else
 * was wrong, and nothing is learned from it. What was learned before stays, so that a host that
 * refuses every version is asked once a poll in the oldest. */
static bool step_back(struct kms_memory *memory, const struct kms_plan_about *about,
                      struct kms_step *step, int64_t now_s)
{
    const struct kms_product *older = kms_product_older(step->product);
    if (older) {
        learn_ceiling(memory, about, older, now_s);
    }
    if (step->back || !older || is_refused(memory, about, older)) {
        return false;
    }
    *step = ask_for(memory, about, older, false);
    step->back = true;
    return true;
}

bool kms_plan_after(struct kms_memory *memory, const struct kms_plan_about *about,
                    struct kms_step *step, const struct kms_plan_answer *answer, int64_t now_s)
{
    const char *detail = known(answer->detail);
    memory->outcome = answer->outcome;
    memory->hresult = answer->hresult;
    kms_text_clean(memory->detail, DETAIL_SIZE, detail, strlen(detail));
    if (!answer->sent) {
        kms_plan_sent(memory, step->asked_before_s, step->asked_before_up_s);
        return false;
    }
    if (answer->outcome == KMS_OUTCOME_OK) {
        remember_answer(memory, about, step, answer, now_s);
    } else if (answer->hresult == KMS_HRESULT_OTHER_KEY) {
        remember_refusal(memory, about, step->product, now_s);
    } else if (answer->hresult == KMS_HRESULT_INVALID_DATA) {
        return step_back(memory, about, step, now_s);
    }
    return false;
}
