/* Judges the records of a domain against what the site asks for. */
#include "conditions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

enum { NAMES_SHOWN = 3 };

struct tally {
    size_t healthy, dead, rogue, unknown; /* records; dead: clients that follow them are lost */
    size_t hosts;                         /* that are healthy */
    uint32_t dead_share, dead_share_uniform;
    bool shares_known;
};

struct view {
    const struct kms_dns_domain *domain;
    const struct kms_conditions *conditions;
    const enum kms_outcome *probe;
    bool several;
    struct kms_output *out;
    enum kms_srv_state *state; /* of each record */
    struct tally tally;
    enum kms_state worst;
};

bool kms_conditions_probe(const struct kms_conditions *conditions)
{
    return conditions->min_healthy > 0 || conditions->max_dead_share >= 0 || conditions->no_rogue;
}

bool kms_conditions_any(const struct kms_conditions *conditions)
{
    return conditions->expected.count > 0 || kms_conditions_probe(conditions);
}

bool kms_conditions_usable(const struct kms_dns_domain *domain, const struct kms_srv *srv)
{
    const struct kms_dns_target *target = kms_dns_target_of(domain, srv);
    return kms_srv_usable(srv) && target && target->outcome == KMS_OUTCOME_OK;
}

static void worsen(struct view *view, enum kms_state state)
{
    view->worst = kms_state_worse(view->worst, state);
}

/* ---- what the records are worth ---- */

static enum kms_srv_state state_of(const struct view *view, size_t at)
{
    const struct kms_srv *srv = &view->domain->set.srv[at];
    const struct kms_dns_target *target = kms_dns_target_of(view->domain, srv);
    const struct kms_record_evidence evidence = {
        .srv = srv,
        .address = target ? target->outcome : KMS_OUTCOME_NONE,
        .match = kms_expected_match(&view->conditions->expected, view->domain, srv),
        .site_lists = view->conditions->expected.count > 0,
        .probe = view->probe ? view->probe[at] : KMS_OUTCOME_NONE};
    return kms_record_state(&evidence);
}

static bool is_first_of_host(const struct view *view, size_t at)
{
    const struct kms_srv *srv = view->domain->set.srv;
    for (size_t i = 0; i < at; i++) {
        if (view->state[i] == KMS_SRV_HEALTHY &&
            kms_dns_name_equal(srv[i].target, srv[at].target)) {
            return false;
        }
    }
    return true;
}

static void count(struct view *view, size_t at)
{
    struct tally *tally = &view->tally;
    if (view->domain->set.srv[at].flaw == KMS_SRV_DUPLICATE) {
        return;
    }
    switch (view->state[at]) {
    case KMS_SRV_HEALTHY:
        tally->healthy++;
        tally->hosts += is_first_of_host(view, at) ? 1 : 0;
        break;
    case KMS_SRV_ROGUE:
        tally->rogue++;
        break;
    case KMS_SRV_UNKNOWN:
        tally->unknown++;
        break;
    default:
        tally->dead++;
        break;
    }
}

static bool take_in(struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    uint32_t *share = calloc(set->count * 2 + 1, sizeof *share);
    view->state = calloc(set->count + 1, sizeof *view->state);
    bool whole = share && view->state &&
                 kms_record_shares(set->srv, set->count, share, share + set->count);
    for (size_t i = 0; whole && i < set->count; i++) {
        view->state[i] = state_of(view, i);
        count(view, i);
        view->tally.shares_known = view->tally.shares_known || share[set->count + i] > 0;
        if (kms_record_lost(view->state[i])) {
            view->tally.dead_share += share[i];
            view->tally.dead_share_uniform += share[set->count + i];
        }
    }
    free(share);
    return whole;
}

/* ---- hosts that must be there ---- */

static bool is_published(const struct view *view, const struct kms_expected *expected,
                         bool *ret_elsewhere)
{
    const struct kms_srv_set *set = &view->domain->set;
    *ret_elsewhere = false;
    for (size_t i = 0; i < set->count; i++) {
        if (kms_dns_names_host(view->domain, &set->srv[i], expected->host)) {
            if (set->srv[i].port == expected->port) {
                return true;
            }
            *ret_elsewhere = true;
        }
    }
    return false;
}

/* What is left for the clients of a host that they do not find. */
static enum kms_state lost_state(const struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    for (size_t i = 0; i < set->count; i++) {
        bool may_serve = view->state[i] == KMS_SRV_HEALTHY ||
                         (view->state[i] == KMS_SRV_UNKNOWN &&
                          kms_conditions_usable(view->domain, &set->srv[i]));
        if (may_serve) {
            return KMS_STATE_WARNING;
        }
    }
    return KMS_STATE_CRITICAL;
}

static void show_expected(struct view *view)
{
    const struct kms_expected_list *list = &view->conditions->expected;
    enum kms_state lost = lost_state(view);
    size_t shown = 0, missing = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct kms_expected *entry = &list->entry[i];
        bool elsewhere;
        if (is_published(view, entry, &elsewhere)) {
            continue;
        }
        const char *how = elsewhere ? "published, but on another port" : "not published";
        missing++;
        worsen(view, lost);
        if (shown < NAMES_SHOWN) {
            shown++;
            kms_output_first(view->out, "; %s:%u is %s", entry->host, (unsigned)entry->port, how);
        }
        kms_output_node(view->out, 0, lost, "expected: %s:%u is %s in %s", entry->host,
                        (unsigned)entry->port, how, view->domain->name);
    }
    if (missing > shown) {
        kms_output_first(view->out, "; and %zu more", missing - shown);
    } else if (missing == 0 && list->count > 0) {
        kms_output_node(view->out, 0, KMS_STATE_OK, "expected: all %zu are published in %s",
                        list->count, view->domain->name);
    }
    if (missing > 0) {
        kms_output_line(view->out, 0,
                        "next step: on the host that is missing run 'slmgr.vbs /sdns' and restart "
                        "its service sppsvc, or add or correct the record by hand");
    }
}

/* ---- what the ports did ---- */

static enum kms_state colour_of(enum kms_srv_state state)
{
    switch (state) {
    case KMS_SRV_HEALTHY:
        return KMS_STATE_OK;
    case KMS_SRV_UNKNOWN:
        return KMS_STATE_UNKNOWN;
    default:
        return KMS_STATE_WARNING;
    }
}

static void show_records(struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    for (size_t i = 0; i < set->count; i++) {
        const char *label = kms_word_label(kms_words_srv_state(), (int)view->state[i]);
        const enum kms_outcome probe = view->probe[i];
        bool asked = probe != KMS_OUTCOME_NONE && !kms_outcome_good(probe);
        kms_output_node(view->out, 1, colour_of(view->state[i]), "%s:%u is %s%s%s",
                        set->srv[i].target, (unsigned)set->srv[i].port, label, asked ? ": " : "",
                        asked ? kms_outcome_row(probe)->meaning : "");
    }
}

/* "12.5 %" */
static void share_text(uint32_t per_mille, char *dst, size_t size)
{
    kms_text_format(dst, size, "%" PRIu32 ".%" PRIu32 " %%", per_mille / 10, per_mille % 10);
}

static bool exceeds(const struct view *view, uint32_t per_mille)
{
    return view->conditions->max_dead_share >= 0 &&
           (int64_t)per_mille > view->conditions->max_dead_share * 10;
}

static void show_share(struct view *view)
{
    const struct tally *tally = &view->tally;
    char share[32], uniform[32];
    share_text(tally->dead_share, share, sizeof share);
    share_text(tally->dead_share_uniform, uniform, sizeof uniform);
    bool over = tally->shares_known &&
                (exceeds(view, tally->dead_share) || exceeds(view, tally->dead_share_uniform));
    if (over) {
        worsen(view, KMS_STATE_WARNING);
        kms_output_first(view->out,
                         "; %s of clients meet a dead record first (%s of Windows Vista and 2008), "
                         "at most %" PRId64 " %% should",
                         share, uniform, view->conditions->max_dead_share);
    }
    kms_output_node(view->out, 0, over ? KMS_STATE_WARNING : KMS_STATE_OK,
                    "%s of clients meet a dead record first, %s of those that ignore priority and "
                    "weight (Windows Vista and 2008)",
                    tally->shares_known ? share : "an unknown part",
                    tally->shares_known ? uniform : "and as unknown a part");
}

static void show_healthy(struct view *view)
{
    const struct tally *tally = &view->tally;
    int64_t wanted = view->conditions->min_healthy;
    bool few = (int64_t)tally->hosts < wanted;
    if (few) {
        worsen(view, tally->hosts > 0 ? KMS_STATE_WARNING : KMS_STATE_CRITICAL);
        kms_output_first(view->out, "; %zu healthy host%s, %" PRId64 " wanted", tally->hosts,
                         tally->hosts == 1 ? "" : "s", wanted);
    } else if (tally->healthy == 0 && tally->dead > 0 && tally->unknown == 0) {
        worsen(view, KMS_STATE_CRITICAL);
        kms_output_first(view->out, "; no record leads to a healthy host");
    }
    kms_output_node(view->out, 0, few ? KMS_STATE_WARNING : KMS_STATE_OK,
                    "%zu healthy host%s; records: %zu healthy, %zu dead, %zu rogue, %zu unknown",
                    tally->hosts, tally->hosts == 1 ? "" : "s", tally->healthy, tally->dead,
                    tally->rogue, tally->unknown);
}

static void show_rogues(struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    size_t shown = 0;
    if (!view->conditions->no_rogue || view->tally.rogue == 0) {
        return;
    }
    worsen(view, KMS_STATE_WARNING);
    kms_output_first(view->out, "; %zu rogue", view->tally.rogue);
    for (size_t i = 0; i < set->count && shown < NAMES_SHOWN; i++) {
        if (view->state[i] == KMS_SRV_ROGUE) {
            kms_output_first(view->out, "%s%s:%u", shown > 0 ? ", " : ": ", set->srv[i].target,
                             (unsigned)set->srv[i].port);
            shown++;
        }
    }
    kms_output_line(view->out, 0,
                    "next step: find out who runs the rogue host and who made its record; name it "
                    "with --expect when it is yours");
}

/* ---- performance data ---- */

static void add_perf(const struct view *view, struct kms_perf perf)
{
    char label[KMS_DNS_NAME_SIZE + 32];
    kms_text_format(label, sizeof label, "%s%s%s", perf.label, view->several ? "_" : "",
                    view->several ? view->domain->name : "");
    perf.label = label;
    perf.min_known = true;
    kms_output_perf(view->out, &perf);
}

static void add_share(const struct view *view, const char *label, bool known, uint32_t per_mille)
{
    struct kms_perf perf = {.label = label,
                            .known = known && view->tally.shares_known,
                            .value = (double)per_mille / 10,
                            .unit = "%"};
    if (view->conditions->max_dead_share >= 0) {
        perf.warning = kms_range_at_most((double)view->conditions->max_dead_share);
    }
    add_perf(view, perf);
}

static void add_all_perf(const struct view *view, bool known)
{
    const struct tally *tally = &view->tally;
    struct kms_perf healthy = {
        .label = "healthy_hosts", .known = known, .value = (double)tally->hosts};
    if (view->conditions->min_healthy > 0) {
        healthy.warning = kms_range_at_least((double)view->conditions->min_healthy);
    }
    add_perf(view, healthy);
    add_perf(view,
             (struct kms_perf){.label = "dead", .known = known, .value = (double)tally->dead});
    add_perf(view,
             (struct kms_perf){.label = "rogue", .known = known, .value = (double)tally->rogue});
    add_share(view, "dead_share", known, tally->dead_share);
    add_share(view, "dead_share_uniform", known, tally->dead_share_uniform);
}

/* ---- the whole ---- */

static bool was_answered(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

static void show_all(struct view *view, bool probed)
{
    show_expected(view);
    if (probed) {
        show_healthy(view);
        if (view->probe) {
            show_records(view);
        }
        show_share(view);
        show_rogues(view);
    }
}

enum kms_state kms_conditions_show(const struct kms_dns_domain *domain,
                                   const struct kms_conditions *conditions,
                                   const enum kms_outcome *probe, bool several,
                                   struct kms_output *out, bool *ret_whole)
{
    struct view view = {.domain = domain,
                        .conditions = conditions,
                        .probe = probe,
                        .several = several,
                        .out = out,
                        .worst = KMS_STATE_OK};
    bool probed = kms_conditions_probe(conditions);
    bool known = was_answered(domain->outcome);
    *ret_whole = true;
    if (known) {
        *ret_whole = take_in(&view);
        if (*ret_whole) {
            show_all(&view, probed);
        }
    }
    if (probed) {
        add_all_perf(&view, known && *ret_whole);
    }
    free(view.state);
    return view.worst;
}
