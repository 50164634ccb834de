/* check_kms_dns: are KMS hosts, or is one of them, published in DNS as clients need it? */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/opt.h"
#include "base/text.h"
#include "base/texts.h"
#include "agent_domain.h"
#include "arguments.h"
#include "authoritative.h"
#include "conditions.h"
#include "model/target.h"
#include "prober.h"
#include "publication.h"
#include "say.h"

struct options {
    char *host;
    char *agent; /* socket of the daemon; "": the usual one */
    bool agent_given;
    struct kms_texts domains, servers, expected;
    int64_t min_healthy, max_dead_share;
    bool max_dead_given, no_rogue, all_authoritative;
    char *authoritative;
    int64_t port;
    bool port_given;
    char *warning_text, *critical_text;
    int64_t timeout_ms, timeout_state;
    int64_t verbose;
    bool version, help;
};

#define DOMAINS_MAX  64
#define SERVERS_TEXT 1000

#define AT(member) offsetof(struct options, member)
#define ROW(long_name, letter, kind, member)                                            \
    .long_opt = (long_name), .key = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = AT(member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("hostname", 'H', KMS_OPT_TEXT, host), .arg = "HOST",
     .help = "KMS host that must be published (default: any)"},
    {.long_opt = "agent",
     .key = "agent",
     .type = KMS_OPT_TEXT,
     .offset = AT(agent),
     .given_offset = AT(agent_given),
     .alone = "",
     .arg = "SOCKET",
     .help = "answer from kmsmond's last lookup of the domain"},
    {ROW("domain", 'D', KMS_OPT_TEXTS, domains), .arg = "DOMAIN",
     .help = "where to look, any number of times (default: the host's domain, else the search "
             "domains)"},
    {.key = "domain",
     .short_opt = 'd',
     .type = KMS_OPT_TEXTS,
     .offset = AT(domains),
     .given_offset = KMS_OPT_NO_GIVEN,
     .arg = "DOMAIN",
     .help = "the same"},
    {ROW("expect", 'e', KMS_OPT_TEXTS, expected), .arg = "HOST[:PORT]",
     .help = "host that must be published and is no rogue, any number of times"},
    {ROW("min-healthy", 'm', KMS_OPT_UINT, min_healthy), .min = 1, .max = 1000, .preset = NULL,
     .arg = "N", .help = "hosts whose port must answer; binds to the ports of all records"},
    {.key = "max-dead-share",
     .long_opt = "max-dead-share",
     .type = KMS_OPT_UINT,
     .max = 100,
     .offset = AT(max_dead_share),
     .given_offset = AT(max_dead_given),
     .arg = "PCT",
     .help = "part of clients in per cent that may meet a dead record first; binds likewise"},
    {ROW("no-rogue", 0, KMS_OPT_FLAG, no_rogue),
     .help = "no host may answer that is not expected; binds likewise"},
    {ROW("server", 's', KMS_OPT_TEXTS, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],..., any number of times (default: the system's)"},
    {ROW("all-authoritative", 'a', KMS_OPT_FLAG, all_authoritative),
     .help = "ask every server that the zone names as well; they must agree"},
    {ROW("authoritative", 'A', KMS_OPT_TEXT, authoritative), .arg = "LIST",
     .help = "ask these servers of the zone as well, ADDRESS[:PORT],...; they must agree"},
    {.long_opt = "port",
     .key = "port",
     .short_opt = 'p',
     .type = KMS_OPT_PORT,
     .offset = AT(port),
     .given_offset = AT(port_given),
     .arg = "PORT",
     .help = "port that records must have (default: 1688 with -H, else any)"},
    {ROW("warning", 'w', KMS_OPT_TEXT, warning_text), .arg = "RANGE",
     .help = "warning when the lookup's time in ms is outside of RANGE"},
    {ROW("critical", 'c', KMS_OPT_TEXT, critical_text), .arg = "RANGE",
     .help = "critical when the lookup's time in ms is outside of RANGE"},
    {ROW("timeout", 't', KMS_OPT_DURATION, timeout_ms), .min = 100, .max = 3600000, .preset = "10s",
     .arg = "TIME", .help = "give up after this long"},
    {ROW("timeout-state", 0, KMS_OPT_CHOICE, timeout_state), .choices = kms_state_choices,
     .preset = "unknown", .arg = "STATE",
     .help = "state without an answer in time: ok, warning, critical, unknown"},
    {ROW("verbose", 'v', KMS_OPT_COUNT, verbose), .max = 3, .help = "more detail"},
    {ROW("version", 'V', KMS_OPT_FLAG, version), .help = "print the version"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

struct run;

/* One domain that is looked up, and what is to be said about it. */
struct part {
    struct run *run;
    struct kms_dns_probe *probe;        /* NULL once answered */
    struct kms_authority_probe *asking; /* NULL: answered, or not wanted */
    struct kms_authority authority;
    struct kms_dns_domain domain;
    bool answered;          /* domain is filled */
    enum kms_outcome *port; /* what came of the bind to each record; NULL: none was made */
    struct kms_output out;
    enum kms_state state;
};

struct run {
    struct options options;
    struct kms_publication_wish wish;
    struct kms_conditions conditions;
    struct kms_env env;
    struct kms_texts domains;
    struct part *part; /* one a domain */
    size_t waiting;
    bool lost; /* memory ran out */
    struct kms_probed *probed;
    size_t probed_count;
    char servers[SERVERS_TEXT];
};

static const struct kms_plugin plugin = {
    .name = "check_kms_dns",
    .purpose = "Checks whether KMS hosts are published in DNS as clients need it.",
    .usage = "[-H HOST] [-D DOMAIN ...] [-s ADDRESS[:PORT],...] [-p PORT]\n"
             "       [--expect HOST[:PORT] ...] [--min-healthy N] [--max-dead-share PCT]\n"
             "       [--no-rogue] [--all-authoritative] [-w RANGE] [-c RANGE] [-t TIME]\n"
             "       [--timeout-state STATE]\n"
             "       --agent[=SOCKET] [-H HOST] [-D DOMAIN ...] ...",
    .note =
        "It asks for the SRV records _vlmcs._tcp.DOMAIN and for the addresses of their targets.\n"
        "A bind is no activation request: the count of the hosts does not change.\n"
        "RANGE is [@]START:END, alerting outside of it: '-w 200'.",
};

/* ---- options ---- */

static bool read_expected(struct run *run, char *why, size_t size)
{
    const struct kms_texts *texts = &run->options.expected;
    uint16_t preset = run->options.port_given ? (uint16_t)run->options.port : KMS_DEFAULT_PORT;
    struct kms_expected entry;

    for (size_t i = 0; i < texts->count; i++) {
        if (!kms_expected_read(texts->text[i], preset, &entry)) {
            kms_text_format(why, size,
                            "--expect '%.250s' is no host; allowed: HOST, HOST:PORT, "
                            "2001:db8::1 or [2001:db8::1]:PORT",
                            texts->text[i]);
            return false;
        }
        if (kms_expected_add(&run->conditions.expected, &entry) != KMS_OK) {
            kms_text_copy(why, size, "out of memory");
            return false;
        }
    }
    return true;
}

/* Where there are expected hosts, the one that is checked is one of them. */
static bool read_conditions(struct run *run, char *why, size_t size)
{
    const struct options *options = &run->options;
    struct kms_conditions *conditions = &run->conditions;
    struct kms_expected host = {.port = (uint16_t)run->wish.port};

    conditions->min_healthy = options->min_healthy;
    conditions->max_dead_share = options->max_dead_given ? options->max_dead_share : -1;
    conditions->no_rogue = options->no_rogue;
    if (!read_expected(run, why, size)) {
        return false;
    }
    if (options->no_rogue && conditions->expected.count == 0 && options->host == NULL) {
        kms_text_copy(why, size,
                      "--no-rogue needs the hosts that are yours: name them by --expect");
        return false;
    }
    if (options->host != NULL && (conditions->expected.count > 0 || options->no_rogue)) {
        if (!kms_text_copy(host.host, sizeof(host.host), options->host) ||
            kms_expected_add(&conditions->expected, &host) != KMS_OK) {
            kms_text_copy(why, size, "out of memory");
            return false;
        }
    }
    return true;
}

static bool fits_agent(const struct options *options, char *why, size_t size)
{
    if (options->agent_given && (options->servers.count > 0 || options->all_authoritative ||
                                 options->authoritative != NULL || options->warning_text != NULL ||
                                 options->critical_text != NULL)) {
        kms_text_copy(why, size,
                      "--agent answers from kmsmond, which asks by its own configuration: no "
                      "servers and no limits of the lookup's time");
        return false;
    }
    return true;
}

static bool read_options(struct run *run, int argc, char **argv, char *why, size_t size)
{
    struct options *options = &run->options;
    struct kms_fault fault = {.text = ""};
    int rest = argc;

    if (!kms_arguments_read(rows, argc, argv, options, &rest, why, size)) {
        return false;
    }
    if (options->help || options->version) {
        return true;
    }
    if (!kms_arguments_end(argc, argv, rest, options->agent, "a host is named with -H", why,
                           size)) {
        return false;
    }
    if ((options->host != NULL && options->host[0] == '\0') ||
        kms_texts_has(&options->domains, "")) {
        kms_text_copy(why, size, "the host and the domain must not be empty");
        return false;
    }
    for (size_t i = 0; i < options->domains.count; i++) {
        if (!kms_dns_domain_plain(options->domains.text[i])) {
            kms_text_format(why, size, "'%.250s' is not a domain; %s", options->domains.text[i],
                            KMS_DNS_DOMAIN_ALLOWED);
            return false;
        }
    }
    if (options->authoritative != NULL &&
        kms_resolver_check_servers(options->authoritative, &fault) != KMS_OK) {
        kms_text_copy(why, size, fault.text);
        return false;
    }
    if (!fits_agent(options, why, size)) {
        return false;
    }
    run->wish.host = options->host;
    run->wish.port = options->port_given ? options->port : 0;
    if (options->host != NULL && !options->port_given) {
        run->wish.port = KMS_DEFAULT_PORT;
    }
    run->wish.timeout_state = (enum kms_state)options->timeout_state;
    return read_conditions(run, why, size) &&
           kms_arguments_range("--warning", options->warning_text, &run->wish.warning, why, size) &&
           kms_arguments_range("--critical", options->critical_text, &run->wish.critical, why,
                               size);
}

static enum kms_status add_domain(struct run *run, const char *domain)
{
    size_t len = strlen(domain);
    char *name = kms_text_dup_len(domain, len > 1 && domain[len - 1] == '.' ? len - 1 : len);
    enum kms_status status = KMS_ENOMEM;

    if (name != NULL) {
        status = kms_texts_has(&run->domains, name) ? KMS_OK : kms_texts_add(&run->domains, name);
    }
    free(name);
    return status;
}

/* The domain behind the host's name; NULL when it has none. */
static const char *domain_of_host(const char *host)
{
    struct kms_address address;
    const char *dot = host != NULL ? strchr(host, '.') : NULL;

    return dot != NULL && dot[1] != '\0' && !kms_address_parse(host, 0, &address) ? dot + 1 : NULL;
}

/* The domains that were named, else the host's own, else the machine's: a host without a domain is
 * looked for in the first of them. */
static enum kms_status choose_domains(struct run *run)
{
    const struct options *options = &run->options;
    const char *own = domain_of_host(options->host);
    enum kms_status status = KMS_OK;

    for (size_t i = 0; i < options->domains.count && status == KMS_OK; i++) {
        status = add_domain(run, options->domains.text[i]);
    }
    if (options->domains.count > 0) {
        return status;
    }
    if (own != NULL) {
        return add_domain(run, own);
    }
    for (size_t i = 0;
         status == KMS_OK && run->env.resolver != NULL && (options->host == NULL || i < 1); i++) {
        const char *domain = kms_resolver_domain(run->env.resolver, i);
        if (domain == NULL) {
            break;
        }
        status = add_domain(run, domain);
    }
    return status;
}

/* ---- lookups ---- */

static void one_answered(struct run *run)
{
    run->waiting--;
    if (run->waiting == 0) {
        kms_loop_stop(run->env.loop);
    }
}

static void done(void *arg, const struct kms_dns_domain *domain)
{
    struct part *part = arg;
    struct run *run = part->run;
    size_t at = (size_t)(part - run->part);

    part->probe = NULL;
    part->answered = kms_dns_domain_copy(&part->domain, domain, run->domains.text[at]);
    run->lost = run->lost || !part->answered;
    one_answered(run);
}

static void servers_asked(void *arg, const struct kms_authority *authority)
{
    struct part *part = arg;
    struct run *run = part->run;
    const char *name = run->domains.text[part - run->part];

    part->asking = NULL;
    run->lost = !kms_authority_copy(&part->authority, authority, name) || run->lost;
    one_answered(run);
}

static bool asks_servers(const struct run *run)
{
    return run->options.all_authoritative || run->options.authoritative != NULL;
}

static bool start_part(struct run *run, size_t at)
{
    struct part *part = &run->part[at];
    const struct kms_authority_setup setup = {.servers = run->options.authoritative,
                                              .timeout_ms = run->options.timeout_ms};

    part->probe = kms_dns_start(run->env.resolver, run->env.loop, run->domains.text[at],
                                run->options.timeout_ms, done, part);
    run->waiting += part->probe != NULL ? 1 : 0;
    if (part->probe != NULL && asks_servers(run)) {
        part->asking = kms_authority_start(run->env.resolver, run->env.loop, run->domains.text[at],
                                           &setup, servers_asked, part);
        run->waiting += part->asking != NULL ? 1 : 0;
        return part->asking != NULL;
    }
    return part->probe != NULL;
}

static bool make_parts(struct run *run)
{
    run->part = calloc(run->domains.count, sizeof(*run->part));
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        run->part[i].run = run;
        kms_output_init(&run->part[i].out);
    }
    run->wish.several = run->domains.count > 1;
    return run->part != NULL;
}

static bool start_all(struct run *run)
{
    if (!make_parts(run)) {
        return false;
    }
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        if (!start_part(run, i)) {
            return false;
        }
    }
    return run->part != NULL;
}

/* ---- ports ---- */

static bool is_same_port(const struct kms_probed *probed, const struct kms_srv *srv)
{
    return probed->target.port == srv->port && kms_dns_name_equal(probed->target.name, srv->target);
}

static struct kms_probed *port_of(const struct run *run, const struct kms_srv *srv)
{
    for (size_t i = 0; i < run->probed_count; i++) {
        if (is_same_port(&run->probed[i], srv)) {
            return &run->probed[i];
        }
    }
    return NULL;
}

static bool aim(struct run *run, const struct kms_srv *srv)
{
    struct kms_probed *probed = &run->probed[run->probed_count++];
    struct kms_source_config *rpc = &probed->target.source[KMS_SOURCE_RPC];

    kms_result_init(&probed->result, KMS_SOURCE_RPC);
    probed->target.name = kms_text_dup(srv->target);
    probed->target.port = srv->port;
    probed->target.port_given = true;
    probed->target.origin = KMS_ORIGIN_DISCOVERED;
    rpc->enabled = true;
    rpc->timeout_ms = run->options.timeout_ms;
    probed->host = probed->target.name;
    return probed->target.name != NULL;
}

/* Each port once, whatever the number of domains and records that name it. */
static bool aim_all(struct run *run)
{
    size_t room = 0;

    for (size_t i = 0; i < run->domains.count; i++) {
        room += run->part[i].domain.set.count;
    }
    run->probed = calloc(room + 1, sizeof(*run->probed));
    for (size_t i = 0; run->probed != NULL && i < run->domains.count; i++) {
        const struct kms_dns_domain *domain = &run->part[i].domain;
        size_t aimed = 0;
        for (size_t k = 0; k < domain->set.count && aimed < KMS_DNS_TARGETS_MAX; k++) {
            const struct kms_srv *srv = &domain->set.srv[k];
            if (!kms_conditions_usable(domain, srv) || port_of(run, srv) != NULL) {
                continue;
            }
            aimed++;
            if (!aim(run, srv)) {
                return false;
            }
        }
    }
    return run->probed != NULL;
}

static bool take_ports(struct run *run, struct part *part)
{
    const struct kms_dns_domain *domain = &part->domain;

    part->port = calloc(domain->set.count + 1, sizeof(*part->port));
    for (size_t i = 0; part->port != NULL && i < domain->set.count; i++) {
        const struct kms_probed *probed = port_of(run, &domain->set.srv[i]);
        bool usable = kms_conditions_usable(domain, &domain->set.srv[i]);
        part->port[i] = usable && probed != NULL ? probed->result.outcome : KMS_OUTCOME_NONE;
    }
    return part->port != NULL;
}

static bool probe_all(struct run *run)
{
    bool whole;

    if (!kms_conditions_probe(&run->conditions)) {
        return true;
    }
    whole = aim_all(run) && kms_prober_run(&run->env, run->probed, run->probed_count, NULL, NULL);
    for (size_t i = 0; whole && i < run->domains.count; i++) {
        whole = take_ports(run, &run->part[i]);
    }
    return whole;
}

/* ---- what is said ---- */

static bool show_all(struct run *run)
{
    bool whole = true;

    for (size_t i = 0; whole && i < run->domains.count; i++) {
        struct part *part = &run->part[i];
        struct kms_output *out = &part->out;
        if (!part->answered) {
            continue;
        }
        part->state = kms_publication_show(&part->domain, &run->wish, out);
        if (kms_conditions_any(&run->conditions)) {
            part->state = kms_state_worse(
                part->state, kms_conditions_show(&part->domain, &run->conditions, part->port,
                                                 run->wish.several, out, &whole));
        }
        if (asks_servers(run)) {
            part->state = kms_state_worse(
                part->state,
                kms_authoritative_show(&part->authority, &part->domain, run->wish.several, out));
        }
        if (run->options.verbose > 0 && run->env.resolver != NULL) {
            char servers[400];
            kms_resolver_servers(run->env.resolver, servers, sizeof(servers));
            kms_output_line(out, 0, "asked for %s; servers: %s", part->domain.query, servers);
            kms_output_line(out, 0, "%zu targets; all lookups took %lld microseconds",
                            part->domain.target_count, (long long)part->domain.duration_us);
        }
    }
    return whole;
}

static enum kms_state worst_state(const struct run *run)
{
    enum kms_state worst = run->part[0].state;

    for (size_t i = 1; i < run->domains.count; i++) {
        worst = kms_state_worse(worst, run->part[i].state);
    }
    return worst;
}

/* The first line tells of the domains that are in the worst state; all of them follow. */
static int say_all(const struct run *run)
{
    enum kms_state worst = worst_state(run);
    struct kms_output all;
    bool first = true;
    int code;

    kms_output_init(&all);
    for (size_t i = 0; i < run->domains.count; i++) {
        const struct part *part = &run->part[i];
        if (part->state == worst) {
            kms_output_first(&all, "%s%s", first ? "" : "; ", part->out.first);
            first = false;
        }
        kms_output_node(&all, 0, part->state, "%s", part->out.first);
        kms_output_append(&all, &part->out);
    }
    code = kms_say_result(&all, worst);
    kms_output_done(&all);
    return code;
}

static bool join_servers(struct run *run)
{
    const struct kms_texts *servers = &run->options.servers;
    bool whole = true;

    for (size_t i = 0; i < servers->count; i++) {
        size_t len = strlen(run->servers);
        whole = whole && len + strlen(servers->text[i]) + 2 <= sizeof(run->servers);
        kms_text_append(run->servers, sizeof(run->servers), "%s%s", i > 0 ? "," : "",
                        servers->text[i]);
    }
    return whole;
}

static int say(const struct run *run)
{
    return run->domains.count == 1 ? kms_say_result(&run->part[0].out, run->part[0].state)
                                   : say_all(run);
}

/* ---- from the daemon ---- */

static bool take_part(struct run *run, struct part *part, const char *domain)
{
    const struct options *options = &run->options;
    struct kms_agent agent = {.why = ""};
    struct kms_agent_domain told = {.port = NULL};
    char after[32];
    enum kms_agent_end end = kms_agent_domain_ask(&agent, options->agent, domain,
                                                  options->timeout_ms, &told);

    if (end == KMS_AGENT_TOLD) {
        part->domain = told.domain;
        part->answered = true;
        if (kms_conditions_probe(&run->conditions)) {
            part->port = told.port;
        } else {
            free(told.port);
        }
    } else if (end == KMS_AGENT_LATE) {
        kms_text_duration(after, sizeof(after), options->timeout_ms);
        kms_text_format(agent.why, sizeof(agent.why), "kmsmond said nothing within %s", after);
        kms_text_copy(agent.next, sizeof(agent.next), KMS_AGENT_LATE_NEXT);
    }
    if (!part->answered) {
        part->state = KMS_STATE_UNKNOWN;
        kms_output_first(&part->out, "%s", agent.why);
        kms_output_line(&part->out, 0, "next step: %s", agent.next);
    }
    kms_agent_done(&agent);
    return end != KMS_AGENT_NO_MEMORY;
}

static int run_agent(struct run *run)
{
    if (choose_domains(run) != KMS_OK) {
        return kms_say_no_memory();
    }
    if (run->domains.count == 0) {
        return kms_say_mistake(&plugin, "name a domain with --domain");
    }
    if (run->domains.count > DOMAINS_MAX) {
        return kms_say_mistake(&plugin, "more than 64 domains at once");
    }
    if (!make_parts(run)) {
        return kms_say_no_memory();
    }
    for (size_t i = 0; i < run->domains.count; i++) {
        if (!take_part(run, &run->part[i], run->domains.text[i])) {
            return kms_say_no_memory();
        }
    }
    return show_all(run) ? say(run) : kms_say_no_memory();
}

/* ---- the whole ---- */

static int run_check(struct run *run)
{
    struct kms_fault fault = {.text = ""};

    if (!join_servers(run)) {
        return kms_say_mistake(&plugin, "too many DNS servers");
    }
    switch (kms_prober_open(&run->env, run->options.servers.count > 0 ? run->servers : NULL, true,
                            &fault)) {
    case KMS_OK:
        break;
    case KMS_ENOMEM:
        return kms_say_no_memory();
    default:
        return kms_say_mistake(&plugin, fault.text);
    }
    if (choose_domains(run) != KMS_OK) {
        return kms_say_no_memory();
    }
    if (run->domains.count == 0) {
        return kms_say_mistake(&plugin,
                               "this machine has no search domain: name one with --domain");
    }
    if (run->domains.count > DOMAINS_MAX) {
        return kms_say_mistake(&plugin, "more than 64 domains at once");
    }
    if (!start_all(run)) {
        return kms_say_no_memory();
    }
    kms_loop_run(run->env.loop);
    if (run->lost || !probe_all(run) || !show_all(run)) {
        return kms_say_no_memory();
    }
    return say(run);
}

static void run_done(struct run *run)
{
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        kms_dns_cancel(run->part[i].probe);
        kms_authority_cancel(run->part[i].asking);
        kms_authority_done(&run->part[i].authority);
        kms_dns_domain_done(&run->part[i].domain);
        free(run->part[i].port);
        kms_output_done(&run->part[i].out);
    }
    for (size_t i = 0; i < run->probed_count; i++) {
        kms_result_done(&run->probed[i].result);
        kms_target_done(&run->probed[i].target);
    }
    kms_prober_close(&run->env);
    free(run->probed);
    free(run->part);
    kms_expected_done(&run->conditions.expected);
    kms_texts_done(&run->domains);
    kms_opts_free_values(rows, &run->options);
}

int main(int argc, char **argv)
{
    struct run run = {.waiting = 0};
    char why[400] = "";
    int code;

    /* A reader or a server that went away is an error of the write, not a death by signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_options(&run, argc, argv, why, sizeof(why))) {
        code = kms_say_mistake(&plugin, why);
    } else if (run.options.help) {
        code = kms_say_help(&plugin, rows);
    } else if (run.options.version) {
        code = kms_say_version(&plugin);
    } else {
        code = run.options.agent_given ? run_agent(&run) : run_check(&run);
    }
    run_done(&run);
    return code;
}
