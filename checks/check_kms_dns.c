/* check_kms_dns: are KMS hosts, or is one of them, published in DNS as clients need it? */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/loop.h"
#include "base/opt.h"
#include "base/text.h"
#include "model/target.h"
#include "publication.h"
#include "say.h"

struct options {
    char *host, *domain, *servers;
    int64_t port;
    bool port_given;
    char *warning_text, *critical_text;
    int64_t timeout_ms, timeout_state;
    int64_t verbose;
    bool version, help;
};

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
    {ROW("domain", 'd', KMS_OPT_TEXT, domain), .arg = "DOMAIN",
     .help = "where to look (default: the host's domain, else the search domain)"},
    {ROW("server", 's', KMS_OPT_TEXT, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],... (default: the system's)"},
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

struct run {
    struct options options;
    struct kms_publication_wish wish;
    struct kms_loop *loop;
    struct kms_resolver *resolver;
    struct kms_output out;
    enum kms_state state;
    char domain[KMS_DNS_NAME_SIZE];
};

static const struct kms_plugin plugin = {
    .name = "check_kms_dns",
    .purpose = "Checks whether KMS hosts are published in DNS as clients need it.",
    .usage = "[-H HOST] [-d DOMAIN] [-s ADDRESS[:PORT],...] [-p PORT]\n"
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
        (options->domain != NULL && options->domain[0] == '\0')) {
        kms_text_copy(why, size, "the host and the domain must not be empty");
        return false;
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

/* The domain that was named, else the host's own, else the machine's. */
static bool choose_domain(struct run *run, char *why, size_t size)
{
    const char *domain = run->options.domain, *host = run->options.host;
    struct kms_address address;

    if (domain == NULL && host != NULL && strchr(host, '.') != NULL &&
        !kms_address_parse(host, 0, &address)) {
        domain = strchr(host, '.') + 1;
    }
    if (domain == NULL || domain[0] == '\0') {
        domain = kms_resolver_domain(run->resolver, 0);
    }
    if (domain == NULL) {
        kms_text_copy(why, size, "this machine has no search domain: name one with --domain");
        return false;
    }
    kms_text_copy(run->domain, sizeof(run->domain), domain);
    size_t len = strlen(run->domain);
    if (len > 1 && run->domain[len - 1] == '.') {
        run->domain[len - 1] = '\0';
    }
    return true;
}

/* ---- the run ---- */

static void done(void *arg, const struct kms_dns_domain *domain)
{
    struct run *run = arg;

    run->state = kms_publication_show(domain, &run->wish, &run->out);
    if (run->options.verbose > 0) {
        char servers[400];
        kms_resolver_servers(run->resolver, servers, sizeof(servers));
        kms_output_line(&run->out, 0, "asked for %s; servers: %s", domain->query, servers);
        kms_output_line(&run->out, 0, "%zu targets; all lookups took %lld microseconds",
                        domain->target_count, (long long)domain->duration_us);
    }
    kms_loop_stop(run->loop);
}

static int run_check(struct run *run)
{
    const struct kms_clock clock = kms_clock_system();
    const struct kms_resolver_setup setup = {.servers = run->options.servers};
    struct kms_fault fault = {.text = ""};
    char why[300];

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
    if (!choose_domain(run, why, sizeof(why))) {
        return kms_say_mistake(&plugin, why);
    }
    if (kms_dns_start(run->resolver, run->loop, run->domain, run->options.timeout_ms, done, run) ==
        NULL) {
        return kms_say_no_memory();
    }
    kms_loop_run(run->loop);
    return kms_say_result(&run->out, run->state);
}

static void run_done(struct run *run)
{
    kms_resolver_free(run->resolver);
    if (run->loop != NULL) {
        kms_loop_free(run->loop);
    }
    kms_output_done(&run->out);
    kms_opts_free_values(rows, &run->options);
}

int main(int argc, char **argv)
{
    struct run run = {.state = KMS_STATE_UNKNOWN};
    char why[400] = "";
    int code;

    /* A reader or a server that went away is an error of the write, not a death by signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    kms_output_init(&run.out);
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
