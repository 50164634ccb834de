/* kmsmon probe: binds to the KMS port of several hosts at once and shows what each did. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activated.h"
#include "base/opt.h"
#include "base/text.h"
#include "base/undumpable.h"
#include "form.h"
#include "model/credentials_conf.h"
#include "net/address.h"
#include "probe/worker.h"
#include "probed.h"
#include "prober.h"
#include "reader.h"
#include "rpc/activation.h"

#define EXIT_ALL_OK 0
#define EXIT_NOT_OK 1

#define GRACE_MS   200 /* for a disk that does not answer */
#define HOSTS_MAX  100000
#define OUTPUT_MAX ((size_t)256 * 1024 * 1024)

struct options {
    bool json, help, activate, ndr64, wsman, timeout_given;
    char *servers, *product, *state_dir;
    char *credentials, *wsman_url, *ca_file, *pin;
    int64_t port, timeout_ms;
};

#define ROW(long_name, letter, kind, member)                                            \
    .key = (long_name), .long_opt = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = offsetof(struct options, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("json", 'j', KMS_OPT_FLAG, json), .help = "print JSON: an array with an object a host"},
    {ROW("port", 'p', KMS_OPT_PORT, port), .preset = "1688", .arg = "PORT",
     .help = "port of the hosts that name none"},
    {ROW("server", 's', KMS_OPT_TEXT, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],... (default: the system's)"},
    {.key = "timeout",
     .long_opt = "timeout",
     .short_opt = 't',
     .type = KMS_OPT_DURATION,
     .offset = offsetof(struct options, timeout_ms),
     .given_offset = offsetof(struct options, timeout_given),
     .min = 10,
     .max = 3600000,
     .preset = "10s",
     .arg = "TIME",
     .help = "each port must have answered after this long"},
    {ROW("wsman", 'w', KMS_OPT_FLAG, wsman),
     .help = "ask the hosts themselves too, over WS-Management, up to 45s"},
    {ROW("credentials", 'c', KMS_OPT_TEXT, credentials), .arg = "FILE",
     .help = "file with the credentials block, closed to others"},
    {ROW("wsman-url", 'u', KMS_OPT_TEXT, wsman_url), .arg = "URL",
     .help = "the listener of a single host (default: https://HOST:5986/wsman)"},
    {ROW("ca-file", 0, KMS_OPT_TEXT, ca_file), .arg = "FILE",
     .help = "CA certificates in PEM form for https (default: the system's)"},
    {ROW("pin", 0, KMS_OPT_TEXT, pin), .arg = "HEX",
     .help = "SHA-256 of the listener's public key, instead of a CA"},
    {ROW("ndr64", 0, KMS_OPT_FLAG, ndr64),
     .help = "bind a second time to see whether the host takes NDR64"},
    {ROW("activate", 'a', KMS_OPT_FLAG, activate),
     .help = "ask the host, a single one, for an activation too, at most every 30 minutes"},
    {ROW("product", 0, KMS_OPT_TEXT, product), .arg = "NAME",
     .help = "the product to ask for (default: by the host's key)"},
    {ROW("state-dir", 0, KMS_OPT_TEXT, state_dir), .preset = "/var/lib/kmsmon", .arg = "DIR",
     .help = "folder of the monitor's client id, the agent's own"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "probe",
    .purpose = "Binds to the KMS port of hosts and shows what each did.",
    .usage = "Usage: kmsmon probe [--json] [--ndr64] [-p PORT] [-s SERVER,...] [-t TIME] "
             "HOST[:PORT] ...\n"
             "       kmsmon probe --wsman --credentials FILE [--wsman-url URL] HOST ...\n"
             "       kmsmon probe --activate [--product NAME] [--state-dir DIR] HOST[:PORT]\n",
    .note = "HOST is a name or an address; [2001:db8::1]:1688 is IPv6 with a port.\n"
            "Without --activate no activation request is sent: the count of the hosts does not "
            "change.\n"
            "Exit: 0 all hosts accepted, 1 one did not, 2 wrong usage.\n",
    .rows = rows,
    .help = offsetof(struct options, help),
    .failed = EXIT_NOT_OK,
};

/* ---- hosts ---- */

static bool read_port(const char *text, int64_t *ret)
{
    uint64_t port;

    if (!kms_text_u64(text, &port) || port < 1 || port > 65535) {
        return false;
    }
    *ret = (int64_t)port;
    return true;
}

/* "kms01", "kms01:1688", "192.0.2.1:1688", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:1688":
 * the name begins behind the bracket and has len bytes. False: the text is none of these. */
static bool split_host(const char *text, const char **ret_name, size_t *ret_len, int64_t *port)
{
    const char *first = strchr(text, ':');
    const char *end;

    if (text[0] == '[') {
        end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !read_port(end + 2, port)))) {
            return false;
        }
        *ret_name = text + 1;
        *ret_len = (size_t)(end - text) - 1;
        return *ret_len > 0;
    }
    *ret_name = text;
    *ret_len = strlen(text);
    if (first != NULL && strchr(first + 1, ':') == NULL) {
        *ret_len = (size_t)(first - text);
        return *ret_len > 0 && read_port(first + 1, port);
    }
    return *ret_len > 0;
}

static bool make_target(struct kms_target *target, const struct options *options, const char *text)
{
    struct kms_source_config *rpc = &target->source[KMS_SOURCE_RPC];
    struct kms_source_config *activation = &target->source[KMS_SOURCE_ACTIVATION];
    const char *name = text;
    size_t len = 0;

    target->port = options->port;
    if (split_host(text, &name, &len, &target->port)) {
        target->name = strndup(name, len);
    }
    target->port_given = true;
    target->origin = KMS_ORIGIN_CONFIGURED;
    rpc->enabled = true;
    rpc->timeout_ms = options->timeout_ms;
    rpc->ndr64 = options->ndr64;
    if (options->activate) {
        activation->enabled = true;
        activation->timeout_ms = options->timeout_ms;
        activation->product = kms_text_dup(options->product);
    }
    return target->name != NULL;
}

static const char *bad_host(const struct options *options, char **hosts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t port = options->port;
        const char *name;
        size_t len;
        if (!split_host(hosts[i], &name, &len, &port)) {
            return hosts[i];
        }
    }
    return NULL;
}

/* ---- probing ---- */

/* Addresses need no resolver, which would read the system's settings. */
static bool has_names(const struct kms_probed *probed, size_t count)
{
    struct kms_address address;

    for (size_t i = 0; i < count; i++) {
        const struct kms_target *target = &probed[i].target;
        if (!kms_address_parse(target->name, (uint16_t)target->port, &address)) {
            return true;
        }
    }
    return false;
}

struct asking {
    struct kms_env *env;
    struct kms_probed *probed;
    bool kept;
};

static void activation_done(void *arg, const struct kms_result *result)
{
    struct asking *asking = arg;

    asking->probed->asked = true;
    asking->kept = kms_result_copy(&asking->probed->activation, result) == KMS_OK;
    kms_loop_stop(asking->env->loop);
}

/* Of a host that accepted the bind. */
static bool ask(const struct options *options, struct kms_env *env, struct kms_probed *probed)
{
    struct asking asking = {.env = env, .probed = probed};

    env->state_dir = options->state_dir;
    env->worker = kms_worker_new(env->loop, 1);
    if (env->worker != NULL && kms_run_start(env, kms_activation_probe(), &probed->target,
                                             activation_done, &asking) != NULL) {
        kms_loop_run(env->loop);
    }
    kms_worker_free(env->worker, GRACE_MS);
    return asking.kept;
}

/* What went wrong is in the fault. */
static enum kms_status probe_all(const struct options *options, struct kms_probed *probed,
                                 size_t count, struct kms_fault *fault)
{
    struct kms_env env = {.loop = NULL};
    /* A request names us with our domain. */
    bool names = options->servers != NULL || options->activate || has_names(probed, count);
    enum kms_status status = kms_prober_open(&env, options->servers, names, fault);

    bool ok = status == KMS_OK && kms_prober_run(&env, probed, count, NULL, NULL);
    if (ok && options->activate && kms_outcome_good(probed[0].result.outcome)) {
        ok = ask(options, &env, &probed[0]);
    }
    if (status == KMS_OK && !ok) {
        status = kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    kms_prober_close(&env);
    return status;
}

/* ---- the hosts' own word ---- */

enum { WSMAN_AT_ONCE = 32 };
#define WSMAN_TIMEOUT_MS 45000

static bool fill_wsman(const struct options *options, const struct kms_credentials *credentials,
                       struct kms_source_config *wsman)
{
    wsman->enabled = true;
    wsman->url = kms_text_dup(options->wsman_url);
    wsman->ca_file = kms_text_dup(options->ca_file);
    wsman->pin = kms_text_dup(options->pin);
    wsman->timeout_ms = options->timeout_given ? options->timeout_ms : WSMAN_TIMEOUT_MS;
    wsman->credentials = calloc(1, sizeof(*wsman->credentials));
    return wsman->credentials != NULL &&
           kms_credentials_copy(wsman->credentials, credentials) == KMS_OK &&
           (options->wsman_url == NULL || wsman->url != NULL) &&
           (options->ca_file == NULL || wsman->ca_file != NULL) &&
           (options->pin == NULL || wsman->pin != NULL);
}

static bool ask_themselves(const struct options *options, const struct kms_credentials *credentials,
                           struct kms_probed *probed, size_t count)
{
    const struct kms_read_setup setup = {.at_once = WSMAN_AT_ONCE};
    struct kms_reading *readings = calloc(count, sizeof(*readings));
    bool ok = readings != NULL;
    int64_t now_s;

    for (size_t i = 0; i < count && ok; i++) {
        kms_result_init(&probed[i].wsman, KMS_SOURCE_WSMAN);
        readings[i] = (struct kms_reading){KMS_SOURCE_WSMAN, &probed[i].target, &probed[i].wsman};
        ok = fill_wsman(options, credentials, &probed[i].target.source[KMS_SOURCE_WSMAN]);
    }
    ok = ok && kms_read_reports(&setup, readings, count, &now_s) == KMS_READ_DONE;
    free(readings);
    return ok;
}

/* ---- the command ---- */

static int print(const struct options *options, const struct kms_probed *probed, size_t count)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    int code = EXIT_ALL_OK;
    enum kms_status status;
    struct kms_buf out;

    kms_buf_init(&out, OUTPUT_MAX);
    status = options->json ? kms_probed_json(probed, count, &out)
                           : kms_probed_table(probed, count, &style, &out);
    if (status == KMS_OK && !options->json) {
        status = kms_probed_activation(&probed[0], &out);
    }
    if (status == KMS_OK && !options->json) {
        status = kms_probed_merged(probed, count, &out);
    }
    if (status != KMS_OK) {
        code = kms_form_no_memory(&form);
    } else {
        code = kms_form_print(&form, &out, code);
    }
    kms_buf_done(&out);
    for (size_t i = 0; i < count; i++) {
        if (!kms_outcome_good(probed[i].result.outcome) ||
            (probed[i].asked && !kms_outcome_good(probed[i].activation.outcome)) ||
            (options->wsman && !kms_outcome_good(probed[i].wsman.outcome))) {
            code = EXIT_NOT_OK;
        }
    }
    return code;
}

static int show_hosts(const struct options *options, const struct kms_credentials *credentials,
                      char **hosts, size_t count)
{
    struct kms_probed *probed = calloc(count, sizeof(*probed));
    struct kms_fault fault = {.text = ""};
    bool ok = probed != NULL;
    enum kms_status status;
    int code = EXIT_NOT_OK;

    for (size_t i = 0; i < count && ok; i++) {
        probed[i].host = hosts[i];
        kms_result_init(&probed[i].result, KMS_SOURCE_RPC);
        ok = make_target(&probed[i].target, options, hosts[i]);
    }
    status = ok ? probe_all(options, probed, count, &fault) : KMS_ENOMEM;
    if (status == KMS_OK && options->wsman &&
        !ask_themselves(options, credentials, probed, count)) {
        status = KMS_ENOMEM;
    }
    switch (status) {
    case KMS_OK:
        code = print(options, probed, count);
        break;
    case KMS_EINVAL:
    case KMS_ESYNTAX:
        code = kms_form_mistake(&form, fault.text);
        break;
    default:
        (void)fputs("kmsmon probe: out of memory\n", stderr);
    }
    for (size_t i = 0; probed != NULL && i < count; i++) {
        kms_result_done(&probed[i].result);
        kms_result_done(&probed[i].activation);
        kms_result_done(&probed[i].wsman);
        kms_target_done(&probed[i].target);
    }
    free(probed);
    return code;
}

static int show_as(const struct options *options, char **hosts, size_t count)
{
    struct kms_credentials credentials = {.name = NULL};
    struct kms_fault fault = {.text = ""};
    struct kms_buf errors;
    int code;

    if (!options->wsman) {
        return show_hosts(options, NULL, hosts, count);
    }
    if (kms_undumpable(&fault) != KMS_OK) {
        return kms_form_mistake(&form, fault.text);
    }
    kms_buf_init(&errors, (size_t)64 * 1024);
    if (kms_credentials_load(options->credentials, &credentials, &errors) == KMS_OK) {
        code = show_hosts(options, &credentials, hosts, count);
    } else {
        (void)fprintf(stderr, "%s", kms_buf_str(&errors));
        code = KMS_FORM_USAGE;
    }
    kms_buf_done(&errors);
    kms_credentials_done(&credentials);
    return code;
}

static const char *wrong_wsman(const struct options *options, size_t count)
{
    bool part = options->credentials != NULL || options->wsman_url != NULL ||
                options->ca_file != NULL || options->pin != NULL;

    if (!options->wsman) {
        return part ? "--credentials, --wsman-url, --ca-file and --pin go with --wsman" : NULL;
    }
    if (options->credentials == NULL) {
        return "--wsman needs --credentials FILE";
    }
    return count > 1 && options->wsman_url != NULL ? "--wsman-url goes with one host" : NULL;
}

static int run(struct options *options, int argc, char **argv)
{
    char message[300];
    const char *bad;
    int rest = argc, code = EXIT_NOT_OK;
    size_t count;

    if (!kms_form_begin(&form, argc, argv, options, &rest, &code)) {
        return code;
    }
    if (rest >= argc) {
        return kms_form_mistake(&form, "no host is named");
    }
    count = (size_t)(argc - rest);
    if (count > HOSTS_MAX) {
        return kms_form_mistake(&form, "too many hosts at once");
    }
    if (options->activate ? count != 1 : options->product != NULL) {
        return kms_form_mistake(&form, options->activate ? "--activate goes with one host"
                                                         : "--product goes with --activate");
    }
    if (wrong_wsman(options, count) != NULL) {
        return kms_form_mistake(&form, wrong_wsman(options, count));
    }
    if (!kms_activated_product(options->product, message, sizeof(message))) {
        return kms_form_mistake(&form, message);
    }
    bad = bad_host(options, argv + rest, count);
    if (bad != NULL) {
        kms_text_format(message, sizeof(message),
                        "'%s' is no host; allowed: HOST, HOST:PORT, [IPV6]:PORT, ports 1 to 65535",
                        bad);
        return kms_form_mistake(&form, message);
    }
    return show_as(options, argv + rest, count);
}

void kms_command_probe_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_probe(int argc, char **argv)
{
    struct options options = {.json = false};
    int code = run(&options, argc, argv);

    kms_opts_free_values(rows, &options);
    return code;
}
