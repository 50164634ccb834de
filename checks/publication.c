/* Judges every SRV record of a domain and says what that means for one host or for all. */
#include "publication.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/judge.h"
#include "record_state.h"

enum { NAMES_SHOWN = 3, TEXT_SIZE = 700 };

struct view {
    const struct kms_dns_domain *domain;
    const struct kms_publication_wish *wish;
    struct kms_output *out;
    size_t good;    /* records that clients can use, as far as DNS goes */
    size_t of_host; /* records that name the host */
};

/* ---- one record ---- */

static bool has_no_address(const struct kms_dns_target *target)
{
    return target && kms_record_no_address(target->outcome);
}

static bool concerns(const struct view *view, const struct kms_srv *srv)
{
    return !view->wish->host || kms_dns_names_host(view->domain, srv, view->wish->host);
}

/* The port that is wished for is that of the host; others may listen where they like. */
static bool port_is_right(const struct view *view, const struct kms_srv *srv)
{
    bool any = view->wish->port == 0 || !concerns(view, srv);
    return srv->port != 0 && (any || srv->port == view->wish->port);
}

static struct kms_publication_evidence evidence_of(const struct view *view,
                                                   const struct kms_srv *srv)
{
    const struct kms_dns_target *target = kms_dns_target_of(view->domain, srv);
    bool nameless = srv->flaw == KMS_SRV_ROOT || srv->flaw == KMS_SRV_ADDRESS;
    bool known = nameless ||
                 (target && (target->outcome == KMS_OUTCOME_OK || has_no_address(target)));
    return (struct kms_publication_evidence){.expected = true,
                                             .looked_up = true,
                                             .lookup_failed = !known,
                                             .found = true,
                                             .port_right = port_is_right(view, srv),
                                             .resolves = !nameless && known &&
                                                         !has_no_address(target),
                                             .host_flag = KMS_PUBLISHING_UNKNOWN};
}

static bool is_good(const struct view *view, const struct kms_srv *srv)
{
    struct kms_publication_evidence evidence = evidence_of(view, srv);
    return !evidence.lookup_failed && evidence.port_right && evidence.resolves;
}

static struct kms_publication_judgement judge(const struct view *view, const struct kms_srv *srv)
{
    struct kms_publication_evidence evidence = evidence_of(view, srv);
    evidence.other_healthy = view->good > (is_good(view, srv) ? 1U : 0U);
    return kms_judge_publication(&evidence);
}

static void add_addresses(const struct kms_dns_target *target, char *dst, size_t size)
{
    for (size_t i = 0; i < target->found.count; i++) {
        char text[KMS_ADDRESS_TEXT];
        kms_address_text(&target->found.address[i], text, sizeof text);
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : ": ", text);
    }
}

/* "no address (NXDOMAIN)" and so on; "" when it has one. */
static void say_target(const struct view *view, const struct kms_srv *srv, char *dst, size_t size)
{
    const struct kms_dns_target *target = kms_dns_target_of(view->domain, srv);
    kms_text_copy(dst, size, "");
    if (!kms_srv_usable(srv) && srv->flaw != KMS_SRV_NO_PORT) {
        kms_text_copy(dst, size, kms_srv_flaw_text(srv->flaw));
    } else if (!target) {
        kms_text_copy(dst, size, "its address was not looked up: too many records");
    } else if (target->outcome == KMS_OUTCOME_DNS_NXDOMAIN) {
        kms_text_copy(dst, size, "that name does not exist (NXDOMAIN)");
    } else if (target->outcome == KMS_OUTCOME_DNS_NODATA) {
        kms_text_copy(dst, size, "that name has no address");
    } else if (target->outcome == KMS_OUTCOME_DNS_LOOP) {
        kms_text_copy(dst, size, "the aliases (CNAME) of that name lead in a circle");
    } else if (target->outcome != KMS_OUTCOME_OK) {
        kms_text_format(dst, size, "its address is not known: %s",
                        kms_outcome_row(target->outcome)->token);
    }
}

static void add_record_node(struct view *view, const struct kms_srv *srv)
{
    const struct kms_dns_target *target = kms_dns_target_of(view->domain, srv);
    char text[TEXT_SIZE], fault[120];
    kms_text_format(text, sizeof text, "%s port %u", srv->target, (unsigned)srv->port);
    if (!port_is_right(view, srv)) {
        if (srv->port == 0) {
            kms_text_append(text, sizeof text, " (no service)");
        } else {
            kms_text_append(text, sizeof text, " (expected %" PRId64 ")", view->wish->port);
        }
    }
    kms_text_append(text, sizeof text, ", priority %u, weight %u, TTL %" PRIu32 " s",
                    (unsigned)srv->priority, (unsigned)srv->weight, srv->ttl);
    say_target(view, srv, fault, sizeof fault);
    if (fault[0] != '\0') {
        kms_text_append(text, sizeof text, ": %s", fault);
    } else if (target) {
        add_addresses(target, text, sizeof text);
    }
    kms_output_node(view->out, 1, judge(view, srv).state, "%s", text);
    if (srv->flaw == KMS_SRV_DUPLICATE) {
        kms_output_line(view->out, 2, "the same record stands there twice");
    }
    if (target && target->found.alias) {
        kms_output_line(view->out, 2,
                        "the name is an alias, which the target of an SRV record must not be");
    }
}

/* ---- the first line ---- */

/* The record that says most about the host: a bad one before a good one. */
static const struct kms_srv *telling_record(const struct view *view)
{
    const struct kms_srv *telling = NULL;
    for (size_t i = 0; i < view->domain->set.count; i++) {
        const struct kms_srv *srv = &view->domain->set.srv[i];
        if (concerns(view, srv) && (!telling || (is_good(view, telling) && !is_good(view, srv)))) {
            telling = srv;
        }
    }
    return telling;
}

static void say_missing(struct view *view)
{
    size_t others = view->domain->set.count;
    kms_output_first(view->out, "%s is not published in %s: %zu other record%s", view->wish->host,
                     view->domain->name, others, others == 1 ? "" : "s");
}

static void say_host(struct view *view)
{
    const struct kms_srv *srv = telling_record(view);
    struct kms_output *out = view->out;
    char fault[120];
    if (!srv) {
        say_missing(view);
        return;
    }
    say_target(view, srv, fault, sizeof fault);
    kms_output_first(out, "%s is published in %s", srv->target, view->domain->name);
    if (!port_is_right(view, srv)) {
        kms_output_first(out, " on port %u, expected %" PRId64, (unsigned)srv->port,
                         view->wish->port);
    } else if (fault[0] != '\0') {
        kms_output_first(out, " on port %u, but %s", (unsigned)srv->port, fault);
    } else {
        kms_output_first(out, " on port %u, priority %u, weight %u, TTL %" PRIu32 " s",
                         (unsigned)srv->port, (unsigned)srv->priority, (unsigned)srv->weight,
                         srv->ttl);
    }
    if (view->of_host > 1) {
        kms_output_first(out, " (%zu records)", view->of_host);
    }
}

static void say_all(struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    size_t bad = set->count - view->good, shown = 0;
    kms_output_first(view->out, "%zu record%s in %s", set->count, set->count == 1 ? "" : "s",
                     view->domain->name);
    if (bad > 0) {
        kms_output_first(view->out, ", %zu unusable", bad);
    }
    for (size_t i = 0; i < set->count && shown < NAMES_SHOWN; i++) {
        const struct kms_srv *srv = &set->srv[i];
        if (bad > 0 && is_good(view, srv)) {
            continue;
        }
        kms_output_first(view->out, "%s%s:%u", shown > 0 ? ", " : ": ", srv->target,
                         (unsigned)srv->port);
        shown++;
    }
    if ((bad > 0 ? bad : set->count) > shown) {
        kms_output_first(view->out, ", ...");
    }
}

/* ---- performance data ---- */

/* Ranges are given in milliseconds, performance data is in seconds. */
static struct kms_range in_seconds(struct kms_range range)
{
    range.start /= 1000;
    range.end /= 1000;
    return range;
}

static void add_perf_item(const struct view *view, const struct kms_perf *perf)
{
    char label[KMS_DNS_NAME_SIZE + 16];
    struct kms_perf labelled = *perf;
    kms_text_format(label, sizeof label, "%s%s%s", perf->label, view->wish->several ? "_" : "",
                    view->wish->several ? view->domain->name : "");
    labelled.label = label;
    kms_output_perf(view->out, &labelled);
}

static void add_number(const struct view *view, const char *label, bool known, double value)
{
    struct kms_perf perf = {.label = label, .known = known, .value = value, .min_known = true};
    add_perf_item(view, &perf);
}

static void add_seconds(const struct view *view, const char *label, bool known, double value,
                        bool limits)
{
    struct kms_perf perf = {
        .label = label, .known = known, .value = value, .unit = "s", .min_known = true};
    if (limits) {
        perf.warning = in_seconds(view->wish->warning);
        perf.critical = in_seconds(view->wish->critical);
    }
    add_perf_item(view, &perf);
}

static void add_perf(const struct view *view, bool known)
{
    const struct kms_srv_set *set = &view->domain->set;
    uint32_t ttl = UINT32_MAX;
    for (size_t i = 0; i < set->count; i++) {
        ttl = set->srv[i].ttl < ttl ? set->srv[i].ttl : ttl;
    }
    add_number(view, "records", known, (double)set->count);
    add_number(view, "usable", known, (double)view->good);
    add_seconds(view, "ttl", set->count > 0, (double)ttl, false);
    add_seconds(view, "time", view->domain->lookup_us >= 0, (double)view->domain->lookup_us / 1e6,
                true);
}

static enum kms_state time_state(const struct view *view)
{
    double ms = (double)view->domain->lookup_us / 1000;
    if (ms < 0) { /* kmsmond does not keep it */
        return KMS_STATE_OK;
    }
    if (kms_range_alerts(&view->wish->critical, ms)) {
        return KMS_STATE_CRITICAL;
    }
    return kms_range_alerts(&view->wish->warning, ms) ? KMS_STATE_WARNING : KMS_STATE_OK;
}

/* ---- the whole ---- */

/* An address could not be looked up. */
static void add_step_of_lookup(const struct view *view)
{
    const struct kms_dns_target *failed = NULL;
    for (size_t i = 0; i < view->domain->set.count && !failed; i++) {
        const struct kms_srv *srv = &view->domain->set.srv[i];
        const struct kms_dns_target *target = kms_dns_target_of(view->domain, srv);
        bool is_failure = concerns(view, srv) && evidence_of(view, srv).lookup_failed;
        failed = is_failure ? target : NULL;
    }
    if (failed) {
        kms_output_line(view->out, 0, "next step: %s", kms_outcome_row(failed->outcome)->hint);
    } else {
        kms_output_line(view->out, 0,
                        "next step: remove records that no client needs: the addresses of %d "
                        "targets are looked up, not more",
                        KMS_DNS_TARGETS_MAX);
    }
}

static void add_steps(const struct view *view, enum kms_publication_state worst)
{
    switch (worst) {
    case KMS_PUBLICATION_MISSING:
        kms_output_line(view->out, 0,
                        "next step: check the record _vlmcs._tcp in the zone, and that DNS "
                        "publishing is on at the host (slmgr.vbs /sdns)");
        break;
    case KMS_PUBLICATION_WRONG_PORT:
        kms_output_line(view->out, 0,
                        "next step: correct the port of the record, or name the host's port with "
                        "--port");
        break;
    case KMS_PUBLICATION_UNRESOLVABLE:
        kms_output_line(view->out, 0,
                        "next step: add an A or AAAA record for the target, or remove the record");
        break;
    case KMS_PUBLICATION_LOOKUP_FAILED:
        add_step_of_lookup(view);
        break;
    default:
        break;
    }
}

static enum kms_state missing_state(const struct view *view)
{
    const struct kms_publication_evidence evidence = {.expected = true,
                                                      .looked_up = true,
                                                      .host_flag = KMS_PUBLISHING_UNKNOWN,
                                                      .other_healthy = view->good > 0};
    return kms_judge_publication(&evidence).state;
}

/* There are records. */
static enum kms_state show_records(struct view *view)
{
    const struct kms_srv_set *set = &view->domain->set;
    enum kms_publication_state worst = KMS_PUBLICATION_PUBLISHED;
    enum kms_state state = KMS_STATE_OK;
    for (size_t i = 0; i < set->count; i++) {
        view->good += is_good(view, &set->srv[i]) ? 1 : 0;
        view->of_host += concerns(view, &set->srv[i]) ? 1 : 0;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct kms_publication_judgement of_record = judge(view, &set->srv[i]);
        if (concerns(view, &set->srv[i]) && of_record.state != KMS_STATE_OK &&
            kms_state_worse(state, of_record.state) != state) {
            worst = of_record.publication;
            state = of_record.state;
        }
    }
    if (view->of_host == 0) {
        worst = KMS_PUBLICATION_MISSING;
        state = missing_state(view);
    }
    if (view->wish->host) {
        say_host(view);
    } else {
        say_all(view);
    }
    add_perf(view, true);
    kms_output_node(view->out, 0, state, "%s: %zu record%s, answered by %s", view->domain->query,
                    set->count, set->count == 1 ? "" : "s", view->domain->server);
    for (size_t i = 0; i < set->count; i++) {
        add_record_node(view, &set->srv[i]);
    }
    if (set->alias[0] != '\0') {
        kms_output_line(view->out, 1, "the name is an alias of %s", set->alias);
    }
    if (set->left_out > 0) {
        kms_output_line(view->out, 1, "%zu more records are not looked at", set->left_out);
    }
    add_steps(view, worst);
    return state;
}

/* NXDOMAIN, no such record and "decidedly not" are answers: nothing is published. */
static enum kms_state show_none(struct view *view, const char *why)
{
    const struct kms_publication_wish *wish = view->wish;
    enum kms_state state = missing_state(view);
    if (wish->host) {
        kms_output_first(view->out, "%s is not published in %s: %s", wish->host, view->domain->name,
                         why);
    } else {
        kms_output_first(view->out, "no KMS host is published in %s: %s", view->domain->name, why);
    }
    add_perf(view, true);
    kms_output_node(view->out, 0, state, "%s: no record, answered by %s", view->domain->query,
                    view->domain->server);
    if (view->domain->outcome == KMS_OUTCOME_DNS_NO_SERVICE) {
        kms_output_line(view->out, 0, "next step: %s",
                        kms_outcome_row(KMS_OUTCOME_DNS_NO_SERVICE)->hint);
    } else {
        add_steps(view, KMS_PUBLICATION_MISSING);
    }
    return state;
}

static enum kms_state show_failure(struct view *view)
{
    const struct kms_dns_domain *domain = view->domain;
    const struct kms_outcome_row *row = kms_outcome_row(domain->outcome);
    bool late = domain->outcome == KMS_OUTCOME_DNS_TIMEOUT;
    kms_output_first(view->out, "%s not looked up: %s", domain->name, domain->detail);
    add_perf(view, false);
    kms_output_line(view->out, 0, "%s: %s", row->token, row->meaning);
    kms_output_line(view->out, 0, "next step: %s", row->hint);
    return late ? view->wish->timeout_state : KMS_STATE_UNKNOWN;
}

enum kms_state kms_publication_show(const struct kms_dns_domain *domain,
                                    const struct kms_publication_wish *wish, struct kms_output *out)
{
    struct view view = {.domain = domain, .wish = wish, .out = out};
    enum kms_state state;
    switch (domain->outcome) {
    case KMS_OUTCOME_OK:
        state = show_records(&view);
        break;
    case KMS_OUTCOME_DNS_NXDOMAIN:
        state = show_none(&view, "the name " KMS_SRV_PREFIX " does not exist there (NXDOMAIN)");
        break;
    case KMS_OUTCOME_DNS_NODATA:
        state = show_none(&view, "the name " KMS_SRV_PREFIX " has no SRV record (NODATA)");
        break;
    case KMS_OUTCOME_DNS_NO_SERVICE:
        state = show_none(&view, "the record says that there is none (target '.')");
        break;
    default:
        return show_failure(&view);
    }
    enum kms_state of_time = time_state(&view);
    if (of_time != KMS_STATE_OK) {
        char ms[32];
        kms_number_print((double)domain->lookup_us / 1000, ms, sizeof ms);
        kms_output_first(out, "; the lookup took %s ms", ms);
    }
    return kms_state_worse(state, of_time);
}
