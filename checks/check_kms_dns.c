/* check_kms_dns: are KMS hosts, or is one of them, published in DNS as clients need it? */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/opt.h"
#include "base/text.h"
#include "base/texts.h"
#include "model/target.h"
#include "publication.h"
#include "say.h"

struct options {
    char *host;
    struct kms_texts domains, servers;
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

static const struct kms_opt_choice state_choices[] = {
    {"ok", KMS_STATE_OK},
    {"warning", KMS_STATE_WARNING},
    {"critical", KMS_STATE_CRITICAL},
    {"unknown", KMS_STATE_UNKNOWN},
    {NULL, 0},
};

static const struct kms_opt rows[] = {
    {ROW("hostname", 'H', KMS_OPT_TEXT, host), .arg = "HOST",
     .help = "KMS host that must be published (default: any)"},
    {ROW("domain", 'd', KMS_OPT_TEXTS, domains), .arg = "DOMAIN",
     .help = "where to look, any number of times (default: the host's domain, else the search "
             "domains)"},
    {ROW("server", 's', KMS_OPT_TEXTS, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],..., any number of times (default: the system's)"},
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
    {ROW("timeout-state", 0, KMS_OPT_CHOICE, timeout_state), .choices = state_choices,
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
    struct kms_dns_probe *probe; /* NULL once answered */
    struct kms_output out;
    enum kms_state state;
};

struct run {
    struct options options;
    struct kms_publication_wish wish;
    struct kms_loop *loop;
    struct kms_resolver *resolver;
    struct kms_texts domains;
    struct part *part; /* one a domain */
    size_t waiting;
    char servers[SERVERS_TEXT];
};

static const struct kms_plugin plugin = {
    .name = "check_kms_dns",
    .purpose = "Checks whether KMS hosts are published in DNS as clients need it.",
    .usage = "[-H HOST] [-d DOMAIN ...] [-s ADDRESS[:PORT],...] [-p PORT]\n"
             "       [-w RANGE] [-c RANGE] [-t TIME] [--timeout-state STATE]",
    .note =
        "It asks for the SRV records _vlmcs._tcp.DOMAIN and for the addresses of their targets.\n"
        "RANGE is [@]START:END, alerting outside of it: '-w 200'.",
};

/* ---- options ---- */

static bool read_range(const char *option, const char *text, struct kms_range *ret, char *why,
                       size_t size)
{
    enum kms_range_error error = text != NULL ? kms_range_parse(text, ret) : KMS_RANGE_OK;

    if (error != KMS_RANGE_OK) {
        kms_text_format(why, size, "%s '%s' %s", option, text, kms_range_error_text(error));
        return false;
    }
    return true;
}

static bool read_options(struct run *run, int argc, char **argv, char *why, size_t size)
{
    struct options *options = &run->options;
    struct kms_fault fault = {.text = ""};
    int rest = argc;

    if (kms_opts_preset(rows, options) != KMS_OK) {
        kms_text_copy(why, size, "out of memory");
        return false;
    }
    if (kms_opts_argv(rows, argc, argv, options, &rest, &fault) != KMS_OK) {
        kms_text_copy(why, size, fault.text);
        return false;
    }
    if (options->help || options->version) {
        return true;
    }
    if (rest < argc) {
        kms_text_format(why, size, "'%s' is not an option; a host is named with -H", argv[rest]);
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
    run->wish.host = options->host;
    run->wish.port = options->port_given ? options->port : 0;
    if (options->host != NULL && !options->port_given) {
        run->wish.port = KMS_DEFAULT_PORT;
    }
    run->wish.timeout_state = (enum kms_state)options->timeout_state;
    return read_range("--warning", options->warning_text, &run->wish.warning, why, size) &&
           read_range("--critical", options->critical_text, &run->wish.critical, why, size);
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
    for (size_t i = 0; status == KMS_OK && (options->host == NULL || i < 1); i++) {
        const char *domain = kms_resolver_domain(run->resolver, i);
        if (domain == NULL) {
            break;
        }
        status = add_domain(run, domain);
    }
    return status;
}

/* ---- the run ---- */

static void done(void *arg, const struct kms_dns_domain *domain)
{
    struct part *part = arg;
    struct run *run = part->run;

    part->probe = NULL;
    part->state = kms_publication_show(domain, &run->wish, &part->out);
    if (run->options.verbose > 0) {
        char servers[400];
        kms_resolver_servers(run->resolver, servers, sizeof(servers));
        kms_output_line(&part->out, 0, "asked for %s; servers: %s", domain->query, servers);
        kms_output_line(&part->out, 0, "%zu targets; all lookups took %lld microseconds",
                        domain->target_count, (long long)domain->duration_us);
    }
    run->waiting--;
    if (run->waiting == 0) {
        kms_loop_stop(run->loop);
    }
}

static bool start_all(struct run *run)
{
    run->part = calloc(run->domains.count, sizeof(*run->part));
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        run->part[i].run = run;
        kms_output_init(&run->part[i].out);
    }
    run->wish.several = run->domains.count > 1;
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        run->part[i].probe = kms_dns_start(run->resolver, run->loop, run->domains.text[i],
                                           run->options.timeout_ms, done, &run->part[i]);
        if (run->part[i].probe == NULL) {
            return false;
        }
        run->waiting++;
    }
    return run->part != NULL;
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

static int run_check(struct run *run)
{
    const struct kms_clock clock = kms_clock_system();
    struct kms_resolver_setup setup = {.servers = NULL};
    struct kms_fault fault = {.text = ""};

    if (!join_servers(run)) {
        return kms_say_mistake(&plugin, "too many DNS servers");
    }
    setup.servers = run->options.servers.count > 0 ? run->servers : NULL;
    run->loop = kms_loop_new(&clock);
    if (run->loop == NULL) {
        return kms_say_no_memory();
    }
    switch (kms_resolver_new(run->loop, &setup, &run->resolver, &fault)) {
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
    kms_loop_run(run->loop);
    return run->domains.count == 1 ? kms_say_result(&run->part[0].out, run->part[0].state)
                                   : say_all(run);
}

static void run_done(struct run *run)
{
    for (size_t i = 0; run->part != NULL && i < run->domains.count; i++) {
        kms_dns_cancel(run->part[i].probe);
        kms_output_done(&run->part[i].out);
    }
    kms_resolver_free(run->resolver);
    if (run->loop != NULL) {
        kms_loop_free(run->loop);
    }
    free(run->part);
    kms_texts_done(&run->domains);
    kms_opts_free_values(rows, &run->options);
}

int main(int argc, char **argv)
{
    struct run run = {.loop = NULL};
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
        code = run_check(&run);
    }
    run_done(&run);
    return code;
}
