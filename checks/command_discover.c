/* kmsmon discover: looks up which KMS hosts domains publish, binds to each, and shows both. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"
#include "base/text.h"
#include "base/texts.h"
#include "discovered.h"
#include "form.h"
#include "net/resolve.h"
#include "prober.h"

#define EXIT_ALL_OK 0
#define EXIT_NOT_OK 1

#define AT_ONCE     16 /* domains */
#define DOMAINS_MAX 10000
#define OUTPUT_MAX  ((size_t)256 * 1024 * 1024)
#define TURN_MS     200
#define PATIENCE_US 500000 /* before a terminal is told how far it is */
#define REPEAT_US   200000

struct options {
    bool json, no_probe, all_authoritative, help;
    char *authoritative;
    struct kms_texts expected;
    char *servers;
    int64_t timeout_ms;
};

#define ROW(long_name, letter, kind, member)                                            \
    .key = (long_name), .long_opt = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = offsetof(struct options, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("json", 'j', KMS_OPT_FLAG, json), .help = "print JSON: an array with an object a domain"},
    {ROW("no-probe", 'n', KMS_OPT_FLAG, no_probe),
     .help = "only ask DNS; connect to none of the hosts"},
    {ROW("expect", 'e', KMS_OPT_TEXTS, expected), .arg = "HOST[:PORT]",
     .help = "host that must be published, any number of times; others that answer are rogues"},
    {ROW("all-authoritative", 'a', KMS_OPT_FLAG, all_authoritative),
     .help = "ask every server that the zone names as well"},
    {ROW("authoritative", 'A', KMS_OPT_TEXT, authoritative), .arg = "LIST",
     .help = "ask these servers of the zone as well, ADDRESS[:PORT],..."},
    {ROW("server", 's', KMS_OPT_TEXT, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],... (default: the system's)"},
    {ROW("timeout", 't', KMS_OPT_DURATION, timeout_ms), .min = 10, .max = 3600000, .preset = "10s",
     .arg = "TIME", .help = "each domain and each port must have answered after this long"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "discover",
    .purpose = "Shows which KMS hosts domains publish in DNS, and what their ports do.",
    .usage = "Usage: kmsmon discover [--json] [--no-probe] [--expect HOST[:PORT] ...] "
             "[-a | -A LIST]\n       [-s SERVER,...] [-t TIME] [DOMAIN ...]\n",
    .note = "Without DOMAIN: the search domains of this machine.\n"
            "No activation request is sent: the count of the hosts does not change.\n"
            "Exit: 0 all records are healthy, 1 one is not or a domain has none,\n"
            "2 wrong usage.\n",
    .rows = rows,
    .help = offsetof(struct options, help),
    .failed = EXIT_NOT_OK,
};

static int not_a_domain(const char *domain)
{
    char message[400];

    kms_text_format(message, sizeof(message), "'%.250s' is not a domain; %s", domain,
                    KMS_DNS_DOMAIN_ALLOWED);
    return kms_form_mistake(&form, message);
}

/* ---- lookups ---- */

struct discovery {
    const struct options *options;
    struct kms_env env;
    struct kms_texts domains;
    struct kms_discovered *found; /* one a domain */
    struct kms_dns_probe **lookup;
    struct kms_authority_probe **asking; /* one a domain */
    struct kms_expected_list expected;
    size_t started, finished;
    struct kms_probed *probed;
    char (*label)[KMS_DNS_NAME_SIZE + 8]; /* "target:port" of each */
    size_t probed_count;
    bool lost;
};

struct waiting {
    struct discovery *discovery;
    size_t at;
};

static void servers_asked(void *arg, const struct kms_authority *authority)
{
    struct waiting *waiting = arg;
    struct discovery *discovery = waiting->discovery;
    struct kms_discovered *found = &discovery->found[waiting->at];

    discovery->asking[waiting->at] = NULL;
    discovery->finished++;
    found->asked = kms_authority_copy(&found->authority, authority, found->domain);
    discovery->lost = discovery->lost || !found->asked;
}

/* Once the resolver answered: the domain counts as finished when the servers have too. */
static bool ask_servers(struct waiting *waiting, const struct kms_dns_domain *domain)
{
    struct discovery *discovery = waiting->discovery;
    const struct kms_authority_setup setup = {.servers = discovery->options->authoritative,
                                              .timeout_ms = discovery->options->timeout_ms};
    struct kms_discovered *found = &discovery->found[waiting->at];

    if (!kms_dns_domain_copy(&found->answer, domain, found->domain)) {
        return false;
    }
    discovery->asking[waiting->at] = kms_authority_start(discovery->env.resolver,
                                                         discovery->env.loop, found->domain, &setup,
                                                         servers_asked, waiting);
    return discovery->asking[waiting->at] != NULL;
}

static void looked_up(void *arg, const struct kms_dns_domain *domain)
{
    struct waiting *waiting = arg;
    struct discovery *discovery = waiting->discovery;

    discovery->lookup[waiting->at] = NULL;
    if (!kms_discovered_take(&discovery->found[waiting->at], domain)) {
        discovery->lost = true;
    }
    if (discovery->options->all_authoritative || discovery->options->authoritative != NULL) {
        discovery->lost = discovery->lost || !ask_servers(waiting, domain);
    } else {
        discovery->finished++;
    }
}

static bool turn_lookups(struct discovery *discovery, struct waiting *waiting)
{
    size_t count = discovery->domains.count;

    while (discovery->finished < count && !discovery->lost) {
        while (discovery->started < count && discovery->started - discovery->finished < AT_ONCE) {
            size_t at = discovery->started++;
            waiting[at] = (struct waiting){.discovery = discovery, .at = at};
            discovery->lookup[at] = kms_dns_start(
                discovery->env.resolver, discovery->env.loop, discovery->domains.text[at],
                discovery->options->timeout_ms, looked_up, &waiting[at]);
            if (discovery->lookup[at] == NULL) {
                return false;
            }
        }
        kms_loop_once(discovery->env.loop, TURN_MS);
    }
    return !discovery->lost;
}

static bool look_up_all(struct discovery *discovery)
{
    size_t count = discovery->domains.count;
    struct waiting *waiting = calloc(count, sizeof(*waiting));
    bool ok;

    discovery->found = calloc(count, sizeof(*discovery->found));
    discovery->lookup = calloc(count, sizeof(struct kms_dns_probe *));
    discovery->asking = calloc(count, sizeof(struct kms_authority_probe *));
    ok = waiting != NULL && discovery->found != NULL && discovery->lookup != NULL &&
         discovery->asking != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        discovery->found[i].domain = discovery->domains.text[i];
        discovery->found[i].expected = &discovery->expected;
    }
    ok = ok && turn_lookups(discovery, waiting);
    for (size_t i = 0; discovery->lookup != NULL && i < discovery->started; i++) {
        kms_dns_cancel(discovery->lookup[i]);
        kms_authority_cancel(discovery->asking != NULL ? discovery->asking[i] : NULL);
    }
    free(waiting);
    return ok;
}

/* ---- probing ---- */

static size_t count_usable(const struct discovery *discovery)
{
    size_t usable = 0;

    for (size_t d = 0; d < discovery->domains.count; d++) {
        for (size_t i = 0; i < discovery->found[d].record_count; i++) {
            usable += kms_discovered_usable(&discovery->found[d].record[i]) ? 1 : 0;
        }
    }
    return usable;
}

static bool aim(struct discovery *discovery, struct kms_discovered_record *record)
{
    size_t at = discovery->probed_count++;
    struct kms_probed *probed = &discovery->probed[at];
    struct kms_source_config *rpc = &probed->target.source[KMS_SOURCE_RPC];

    kms_text_format(discovery->label[at], sizeof(discovery->label[at]), "%s:%u", record->srv.target,
                    (unsigned)record->srv.port);
    probed->host = discovery->label[at];
    probed->target.name = kms_text_dup(record->srv.target);
    probed->target.port = record->srv.port;
    probed->target.port_given = true;
    probed->target.origin = KMS_ORIGIN_DISCOVERED;
    rpc->enabled = true;
    rpc->timeout_ms = discovery->options->timeout_ms;
    kms_result_init(&probed->result, KMS_SOURCE_RPC);
    record->probed = probed;
    return probed->target.name != NULL;
}

/* At most KMS_DNS_TARGETS_MAX of each domain. */
static bool aim_all(struct discovery *discovery)
{
    for (size_t d = 0; d < discovery->domains.count; d++) {
        struct kms_discovered *found = &discovery->found[d];
        size_t aimed = 0;
        for (size_t i = 0; i < found->record_count && aimed < KMS_DNS_TARGETS_MAX; i++) {
            if (kms_discovered_usable(&found->record[i])) {
                aimed++;
                if (!aim(discovery, &found->record[i])) {
                    return false;
                }
            }
        }
    }
    return true;
}

struct progress {
    struct kms_clock clock;
    int64_t next_us;
    bool shown;
};

static void show_progress(void *arg, size_t finished, size_t all)
{
    struct progress *progress = arg;
    int64_t now_us = kms_clock_mono_us(&progress->clock);

    if (finished < all && now_us >= progress->next_us) {
        progress->next_us = now_us + REPEAT_US;
        progress->shown = true;
        (void)fprintf(stderr, "\rprobed %zu of %zu ports", finished, all);
        (void)fflush(stderr);
    }
}

static bool probe_all(struct discovery *discovery)
{
    struct progress progress = {.clock = kms_clock_system()};
    size_t usable = count_usable(discovery);
    bool told = isatty(STDERR_FILENO) == 1, ok;

    if (usable == 0 || discovery->options->no_probe) {
        return true;
    }
    discovery->probed = calloc(usable, sizeof(*discovery->probed));
    discovery->label = calloc(usable, sizeof(*discovery->label));
    if (discovery->probed == NULL || discovery->label == NULL || !aim_all(discovery)) {
        return false;
    }
    progress.next_us = kms_clock_mono_us(&progress.clock) + PATIENCE_US;
    ok = kms_prober_run(&discovery->env, discovery->probed, discovery->probed_count,
                        told ? show_progress : NULL, &progress);
    if (progress.shown) {
        (void)fputs("\r\x1b[K", stderr);
    }
    return ok;
}

/* ---- the command ---- */

static enum kms_status add_domain(struct kms_texts *domains, const char *domain)
{
    size_t len = strlen(domain);
    char *name = kms_text_dup_len(domain, len > 1 && domain[len - 1] == '.' ? len - 1 : len);
    enum kms_status status = KMS_ENOMEM;

    if (name != NULL) {
        status = kms_texts_has(domains, name) ? KMS_OK : kms_texts_add(domains, name);
    }
    free(name);
    return status;
}

static enum kms_status choose_domains(struct discovery *discovery, char **named, size_t count)
{
    enum kms_status status = KMS_OK;
    const char *domain;

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        status = add_domain(&discovery->domains, named[i]);
    }
    for (size_t i = 0; count == 0 && status == KMS_OK; i++) {
        domain = kms_resolver_domain(discovery->env.resolver, i);
        if (domain == NULL) {
            break;
        }
        status = add_domain(&discovery->domains, domain);
    }
    return status;
}

static int exit_code(const struct discovery *discovery)
{
    for (size_t d = 0; d < discovery->domains.count; d++) {
        if (!kms_discovered_good(&discovery->found[d])) {
            return EXIT_NOT_OK;
        }
    }
    return EXIT_ALL_OK;
}

static int print(const struct discovery *discovery)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    size_t count = discovery->domains.count;
    int code = exit_code(discovery);
    enum kms_status status;
    struct kms_buf out;

    kms_buf_init(&out, OUTPUT_MAX);
    status = discovery->options->json
                 ? kms_discovered_json(discovery->found, count, &out)
                 : kms_discovered_table(discovery->found, count, discovery->probed,
                                        discovery->probed_count, &style, &out);
    if (status != KMS_OK) {
        code = kms_form_no_memory(&form);
    } else {
        code = kms_form_print(&form, &out, code);
    }
    kms_buf_done(&out);
    return code;
}

static int discover(struct discovery *discovery, char **named, size_t count)
{
    struct kms_fault fault = {.text = ""};

    switch (kms_prober_open(&discovery->env, discovery->options->servers, true, &fault)) {
    case KMS_OK:
        break;
    case KMS_EINVAL:
    case KMS_ESYNTAX:
        return kms_form_mistake(&form, fault.text);
    default:
        return kms_form_no_memory(&form);
    }
    if (choose_domains(discovery, named, count) != KMS_OK) {
        return kms_form_no_memory(&form);
    }
    if (discovery->domains.count == 0) {
        return kms_form_mistake(&form, "this machine has no search domain: name one");
    }
    return look_up_all(discovery) && probe_all(discovery) ? print(discovery)
                                                          : kms_form_no_memory(&form);
}

static void discovery_done(struct discovery *discovery)
{
    for (size_t i = 0; discovery->probed != NULL && i < discovery->probed_count; i++) {
        kms_result_done(&discovery->probed[i].result);
        kms_target_done(&discovery->probed[i].target);
    }
    for (size_t i = 0; discovery->found != NULL && i < discovery->domains.count; i++) {
        kms_discovered_done(&discovery->found[i]);
    }
    free(discovery->probed);
    free(discovery->label);
    free(discovery->found);
    free(discovery->lookup);
    free(discovery->asking);
    kms_expected_done(&discovery->expected);
    kms_texts_done(&discovery->domains);
    kms_prober_close(&discovery->env);
}

static bool read_expected(struct discovery *discovery, char *why, size_t size)
{
    const struct kms_texts *texts = &discovery->options->expected;
    struct kms_expected entry;

    for (size_t i = 0; i < texts->count; i++) {
        if (!kms_expected_read(texts->text[i], KMS_DEFAULT_PORT, &entry)) {
            kms_text_format(why, size,
                            "--expect '%.250s' is no host; allowed: HOST, HOST:PORT, "
                            "2001:db8::1 or [2001:db8::1]:PORT",
                            texts->text[i]);
            return false;
        }
        if (kms_expected_add(&discovery->expected, &entry) != KMS_OK) {
            kms_text_copy(why, size, "out of memory");
            return false;
        }
    }
    return true;
}

static int run(struct options *options, int argc, char **argv)
{
    struct discovery discovery = {.options = options};
    struct kms_fault fault = {.text = ""};
    char why[400] = "";
    int rest = argc, code = EXIT_NOT_OK;

    if (!kms_form_begin(&form, argc, argv, options, &rest, &code)) {
        return code;
    }
    if (argc - rest > DOMAINS_MAX) {
        return kms_form_mistake(&form, "too many domains at once");
    }
    for (int i = rest; i < argc; i++) {
        if (argv[i][0] == '\0') {
            return kms_form_mistake(&form, "a domain must not be empty");
        }
        if (!kms_dns_domain_plain(argv[i])) {
            return not_a_domain(argv[i]);
        }
    }
    if (options->authoritative != NULL &&
        kms_resolver_check_servers(options->authoritative, &fault) != KMS_OK) {
        return kms_form_mistake(&form, fault.text);
    }
    if (!read_expected(&discovery, why, sizeof(why))) {
        kms_expected_done(&discovery.expected);
        return kms_form_mistake(&form, why);
    }
    code = discover(&discovery, argv + rest, (size_t)(argc - rest));
    discovery_done(&discovery);
    return code;
}

void kms_command_discover_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_discover(int argc, char **argv)
{
    struct options options = {.json = false};
    int code = run(&options, argc, argv);

    kms_opts_free_values(rows, &options);
    return code;
}
