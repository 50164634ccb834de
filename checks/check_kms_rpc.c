/* check_kms_rpc: does the KMS port accept a bind to the KMS interface, and how fast? On request:
 * does the host activate clients, and how many does it count? */
#include <signal.h>
#include <stdint.h>

#include "activated.h"
#include "agent.h"
#include "arguments.h"
#include "base/text.h"
#include "model/judge.h"
#include "net/address.h"
#include "net/resolve.h"
#include "output.h"
#include "probe/probe.h"
#include "probe/worker.h"
#include "rpc/activation.h"
#include "rpc/probe.h"
#include "say.h"

#define GRACE_MS 200 /* for a disk that does not answer */

struct options {
    char *host, *servers;
    char *agent; /* socket of the daemon; "": the usual one */
    bool agent_given;
    int64_t port;
    bool port_given;
    char *warning_text, *critical_text;
    int64_t timeout_ms;
    int64_t timeout_state;
    bool ndr64;
    bool activate;
    char *product, *state_dir;
    uint64_t classes;
    int64_t verbose;
    bool version, help;
};

struct check {
    struct options options;
    struct kms_range warning, critical; /* of the latency in milliseconds */
    struct kms_env env;
    struct kms_agent agent; /* host NULL: the daemon was not asked */
    struct kms_target target;
    struct kms_result result;
    bool answered;
    struct kms_result activation;
    bool asked; /* activation is filled */
    struct kms_judgement judgement;
    struct kms_output out;
};

#define AT(member) offsetof(struct options, member)
#define ROW(long_name, letter, kind, member)                                            \
    .long_opt = (long_name), .key = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = AT(member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("hostname", 'H', KMS_OPT_TEXT, host), .arg = "HOST",
     .help = "name or address of the KMS host; required"},
    {.long_opt = "agent",
     .key = "agent",
     .type = KMS_OPT_TEXT,
     .offset = AT(agent),
     .given_offset = AT(agent_given),
     .alone = "",
     .arg = "SOCKET",
     .help = "answer from kmsmond's last poll of the host"},
    {.long_opt = "port",
     .key = "port",
     .short_opt = 'p',
     .type = KMS_OPT_PORT,
     .offset = AT(port),
     .given_offset = AT(port_given),
     .preset = "1688",
     .arg = "PORT",
     .help = "port that clients use"},
    {ROW("server", 's', KMS_OPT_TEXT, servers), .arg = "LIST",
     .help = "DNS servers ADDRESS[:PORT],... (default: the system's)"},
    {ROW("warning", 'w', KMS_OPT_TEXT, warning_text), .arg = "RANGE",
     .help = "warning when the latency in ms is outside of RANGE"},
    {ROW("critical", 'c', KMS_OPT_TEXT, critical_text), .arg = "RANGE",
     .help = "critical when the latency in ms is outside of RANGE"},
    {ROW("timeout", 't', KMS_OPT_DURATION, timeout_ms), .min = 10, .max = 3600000, .preset = "10s",
     .arg = "TIME", .help = "the port must have answered after this long"},
    {ROW("timeout-state", 0, KMS_OPT_CHOICE, timeout_state), .choices = kms_state_choices,
     .preset = "critical", .arg = "STATE",
     .help = "state when it has not: ok, warning, critical, unknown"},
    {ROW("ndr64", 0, KMS_OPT_FLAG, ndr64),
     .help = "bind a second time to see whether the host takes NDR64; judged with what --activate "
             "tells"},
    {ROW("activate", 'a', KMS_OPT_FLAG, activate),
     .help = "ask for an activation too, at most every 30 minutes; the monitor then takes one "
             "place among the clients that the host counts"},
    {ROW("product", 0, KMS_OPT_TEXT, product), .arg = "NAME",
     .help = "the product to ask for (default: by the host's key)"},
    {ROW("state-dir", 0, KMS_OPT_TEXT, state_dir), .preset = "/var/lib/kmsmon", .arg = "DIR",
     .help = "folder of the monitor's client id, the agent's own"},
    {ROW("classes", 0, KMS_OPT_SET, classes), .choices = kms_class_choices, .arg = "LIST",
     .help = "classes the site relies on: client,server,office2010,office"},
    {ROW("verbose", 'v', KMS_OPT_COUNT, verbose), .max = 3, .help = "more detail"},
    {ROW("version", 'V', KMS_OPT_FLAG, version), .help = "print the version"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_plugin plugin = {
    .name = "check_kms_rpc",
    .purpose = "Checks whether a KMS host's port accepts a bind to the KMS interface.",
    .usage =
        "-H HOST [-p PORT] [-s ADDRESS[:PORT],...] [-w RANGE] [-c RANGE] [-t TIME]\n"
        "       [--timeout-state STATE] [--ndr64] [--activate [--product NAME] [--classes LIST]\n"
        "       [--state-dir DIR]] [-v]\n"
        "       --agent[=SOCKET] -H HOST [--activate] [-w RANGE] [-c RANGE] [-v]",
    .note = "Connects, binds and closes, with --ndr64 twice. Without --activate no activation "
            "request is sent: the\n"
            "count of the host does not change. The latency is that of connect and bind together, "
            "without DNS.\n"
            "RANGE is [@]START:END, alerting outside of it, the ends included; @ inside.",
};

/* ---- options ---- */

static bool read_options(struct check *check, int argc, char **argv, char *why, size_t size)
{
    struct options *options = &check->options;
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
    if (options->host == NULL || options->host[0] == '\0') {
        kms_text_copy(why, size, "-H is missing: name the KMS host");
        return false;
    }
    if (!options->activate && (options->product != NULL || options->classes != 0)) {
        kms_text_copy(why, size, "--product and --classes go with --activate");
        return false;
    }
    if (options->agent_given && (options->servers != NULL || options->product != NULL)) {
        kms_text_copy(why, size,
                      "--agent answers from kmsmond, which asks by its own configuration: no "
                      "--server and no --product");
        return false;
    }
    if (!kms_activated_product(options->product, why, size)) {
        return false;
    }
    return kms_arguments_range("--warning", options->warning_text, &check->warning, why, size) &&
           kms_arguments_range("--critical", options->critical_text, &check->critical, why, size);
}

/* ---- output ---- */

static bool fact_of(const struct check *check, enum kms_fact_id fact, double *ret)
{
    int64_t number;

    if (!kms_facts_number(&check->result.host, fact, &number)) {
        return false;
    }
    *ret = (double)number;
    return true;
}

/* Ranges are given in milliseconds, performance data is in seconds. */
static struct kms_range in_seconds(struct kms_range range)
{
    range.start /= 1000;
    range.end /= 1000;
    return range;
}

static void add_time(struct check *check, const char *label, enum kms_fact_id fact, bool limits)
{
    struct kms_perf perf = {.label = label, .unit = "s", .min_known = true};

    perf.known = fact_of(check, fact, &perf.value);
    perf.value /= 1000000;
    if (limits) {
        perf.warning = in_seconds(check->warning);
        perf.critical = in_seconds(check->critical);
    }
    kms_output_perf(&check->out, &perf);
}

static void add_details(struct check *check)
{
    const struct kms_facts *host = &check->result.host;
    char text[300];

    if (check->options.verbose < 1) {
        return;
    }
    for (size_t i = 0; i < host->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(host->fact[i].id);
        kms_fact_print(&host->fact[i], text, sizeof(text));
        kms_output_line(&check->out, 0, "%s: %s%s%s", row->token, text,
                        row->type == KMS_TYPE_UINT && row->unit[0] != '\0' ? " " : "",
                        row->type == KMS_TYPE_UINT ? row->unit : "");
    }
    kms_output_line(&check->out, 0, "in all %lld ms",
                    (long long)(check->result.duration_us / 1000));
}

/* A failure of our own says nothing of the host, nor does what is judged without it. */
static enum kms_state show_activation(struct check *check, enum kms_state state)
{
    enum kms_outcome outcome = check->activation.outcome;

    kms_activated_show(&check->out, &check->target, &check->activation, &check->judgement);
    if (outcome == KMS_OUTCOME_RPC_TIMEOUT) {
        return (enum kms_state)check->options.timeout_state;
    }
    if (kms_outcome_row(outcome)->kind == KMS_OUTCOME_IS_OURS || outcome == KMS_OUTCOME_NONE) {
        return kms_state_worse(state, KMS_STATE_UNKNOWN);
    }
    return state;
}

/* When the answer did not tell, the detail of the bind says why. */
static void show_ndr64(struct check *check)
{
    int64_t taken;

    if (kms_facts_number(&check->result.host, KMS_FACT_NDR64, &taken)) {
        kms_output_line(&check->out, 0, "NDR64: %s",
                        taken != 0 ? "accepted"
                                   : "refused, as by hosts before Windows Server 2012");
    }
}

static enum kms_state show_accepted(struct check *check)
{
    const char *peer = kms_facts_text(&check->result.host, KMS_FACT_RPC_ADDRESS);
    enum kms_state state = check->judgement.state;
    bool alerts;
    double latency_ms = 0;

    (void)fact_of(check, KMS_FACT_RPC_LATENCY, &latency_ms);
    latency_ms /= 1000;
    kms_output_first(&check->out, "%s accepted the bind in %.2f ms",
                     peer != NULL ? peer : check->target.name, latency_ms);
    alerts = true;
    if (kms_range_alerts(&check->critical, latency_ms)) {
        state = kms_state_worse(state, KMS_STATE_CRITICAL);
    } else if (kms_range_alerts(&check->warning, latency_ms)) {
        state = kms_state_worse(state, KMS_STATE_WARNING);
    } else {
        alerts = false;
    }
    if (alerts) {
        kms_output_first(&check->out, ", latency out of range");
    }
    kms_output_line(&check->out, 0, "%s: %s", check->target.name, check->result.detail);
    show_ndr64(check);
    return check->asked ? show_activation(check, state) : state;
}

static enum kms_state show_failure(struct check *check)
{
    const struct kms_outcome_row *row = kms_outcome_row(check->result.outcome);
    const char *detail = check->result.detail;
    enum kms_state state = row->kind == KMS_OUTCOME_IS_OURS ? KMS_STATE_UNKNOWN
                                                            : check->judgement.state;

    kms_output_first(&check->out, "%s: %s", row->token, detail[0] != '\0' ? detail : row->meaning);
    kms_output_line(&check->out, 0, "%s: %s", check->target.name, row->meaning);
    kms_output_line(&check->out, 0, "next step: %s", row->hint);
    if (check->result.outcome == KMS_OUTCOME_RPC_TIMEOUT) {
        state = (enum kms_state)check->options.timeout_state;
    }
    return state;
}

static void show_age(struct check *check, const struct kms_result *result)
{
    char age[120];

    kms_agent_age(&check->agent, result, age, sizeof(age));
    kms_output_line(&check->out, 0, "%s: %s %s", check->target.name,
                    kms_word_label(kms_words_source(), (int)result->source), age);
}

static int64_t now_of(const struct check *check)
{
    return check->agent.host != NULL ? check->agent.now.wall_s : check->result.wall_s;
}

static int judge_and_show(struct check *check)
{
    struct kms_evidence evidence = {.target = &check->target};
    struct kms_policy policy;
    enum kms_state state;

    evidence.last[KMS_SOURCE_RPC] = &check->result;
    if (kms_outcome_good(check->result.outcome)) {
        evidence.good[KMS_SOURCE_RPC] = &check->result;
    }
    if (check->asked) {
        evidence.last[KMS_SOURCE_ACTIVATION] = &check->activation;
    }
    if (check->asked && kms_outcome_good(check->activation.outcome)) {
        evidence.good[KMS_SOURCE_ACTIVATION] = &check->activation;
    }
    kms_policy_preset(&policy);
    if (check->agent.host != NULL) {
        kms_agent_policy(&check->agent, NULL, &policy);
    }
    if (kms_judge(&evidence, &policy, now_of(check), &check->judgement) != KMS_OK) {
        return kms_say_no_memory();
    }
    state = kms_outcome_good(check->result.outcome) ? show_accepted(check) : show_failure(check);
    add_time(check, "rpc_latency", KMS_FACT_RPC_LATENCY, true);
    add_time(check, "rpc_connect", KMS_FACT_RPC_CONNECT, false);
    add_time(check, "rpc_bind", KMS_FACT_RPC_BIND, false);
    if (check->agent.host != NULL) {
        show_age(check, &check->result);
    }
    if (check->agent.host != NULL && check->asked) {
        show_age(check, &check->activation);
    }
    add_details(check);
    kms_judgement_done(&check->judgement);
    return kms_say_result(&check->out, state);
}

/* ---- from the daemon ---- */

static int show_cannot(struct check *check)
{
    kms_output_first(&check->out, "%s", check->agent.why);
    if (check->agent.next[0] != '\0') {
        kms_output_line(&check->out, 0, "next step: %s", check->agent.next);
    }
    return kms_say_result(&check->out, KMS_STATE_UNKNOWN);
}

/* The daemon's silence is no fault of the host. */
static int show_late(struct check *check)
{
    char after[32];

    kms_text_duration(after, sizeof(after), check->options.timeout_ms);
    kms_text_format(check->agent.why, sizeof(check->agent.why), "kmsmond said nothing within %s",
                    after);
    kms_text_copy(check->agent.next, sizeof(check->agent.next), KMS_AGENT_LATE_NEXT);
    return show_cannot(check);
}

static bool take(struct check *check, enum kms_source source, struct kms_result *ret)
{
    check->target.source[source].enabled = true;
    return kms_agent_take(&check->agent, source, ret);
}

static int judge_told(struct check *check)
{
    const struct kms_target *from = &check->agent.host->target;
    const struct options *options = &check->options;

    check->target.name = kms_text_dup(from->name);
    check->target.port = options->port_given ? options->port : from->port;
    check->target.port_given = options->port_given || from->port_given;
    check->target.origin = from->origin;
    check->target.classes = options->classes != 0 ? (uint32_t)options->classes : from->classes;
    if (check->target.name == NULL) {
        return kms_say_no_memory();
    }
    if (!take(check, KMS_SOURCE_RPC, &check->result)) {
        return show_cannot(check);
    }
    if (options->activate && kms_outcome_good(check->result.outcome)) {
        check->asked = take(check, KMS_SOURCE_ACTIVATION, &check->activation);
        if (!check->asked) {
            return show_cannot(check);
        }
    }
    return judge_and_show(check);
}

static int run_agent(struct check *check)
{
    const struct options *options = &check->options;

    switch (kms_agent_ask(&check->agent, options->agent, options->host, options->timeout_ms)) {
    case KMS_AGENT_NO_MEMORY:
        return kms_say_no_memory();
    case KMS_AGENT_LATE:
        return show_late(check);
    case KMS_AGENT_CANNOT:
        return show_cannot(check);
    case KMS_AGENT_TOLD:
        break;
    }
    return judge_told(check);
}

/* ---- the run ---- */

static void activation_done(void *arg, const struct kms_result *result)
{
    struct check *check = arg;

    check->asked = kms_result_copy(&check->activation, result) == KMS_OK;
    check->answered = check->asked;
    kms_loop_stop(check->env.loop);
}

/* In what the bind left of the time. */
static bool ask(struct check *check)
{
    struct kms_source_config *activation = &check->target.source[KMS_SOURCE_ACTIVATION];
    int64_t left_ms = check->options.timeout_ms - check->result.duration_us / 1000;

    activation->timeout_ms = left_ms > 0 ? left_ms : 1;
    return kms_run_start(&check->env, kms_activation_probe(), &check->target, activation_done,
                         check) != NULL;
}

static void done(void *arg, const struct kms_result *result)
{
    struct check *check = arg;
    bool kept = kms_result_copy(&check->result, result) == KMS_OK;

    if (kept && check->options.activate && kms_outcome_good(result->outcome) && ask(check)) {
        return;
    }
    check->answered = kept && (!check->options.activate || !kms_outcome_good(result->outcome));
    kms_loop_stop(check->env.loop);
}

/* An address needs no resolver, which would read the system's settings; a request names us with our
 * domain, though. */
static enum kms_status open_env(struct check *check, struct kms_fault *fault)
{
    const struct kms_resolver_setup setup = {.servers = check->options.servers};
    struct kms_address address;

    check->env.clock = kms_clock_system();
    check->env.loop = kms_loop_new(&check->env.clock);
    if (check->env.loop == NULL) {
        return KMS_ENOMEM;
    }
    if (check->options.activate) {
        check->env.state_dir = check->options.state_dir;
        check->env.worker = kms_worker_new(check->env.loop, 1);
        if (check->env.worker == NULL) {
            return KMS_ENOMEM;
        }
    } else if (setup.servers == NULL &&
               kms_address_parse(check->target.name, (uint16_t)check->target.port, &address)) {
        return KMS_OK;
    }
    return kms_resolver_new(check->env.loop, &setup, &check->env.resolver, fault);
}

static void close_env(struct check *check)
{
    kms_worker_free(check->env.worker, GRACE_MS);
    kms_resolver_free(check->env.resolver);
    kms_loop_free(check->env.loop);
}

static int run(struct check *check)
{
    const struct options *options = &check->options;
    struct kms_source_config *rpc = &check->target.source[KMS_SOURCE_RPC];
    struct kms_source_config *activation = &check->target.source[KMS_SOURCE_ACTIVATION];
    struct kms_fault fault = {.text = ""};
    enum kms_status status;

    check->target.name = kms_text_dup(options->host);
    check->target.port = options->port;
    check->target.port_given = options->port_given;
    check->target.origin = KMS_ORIGIN_CONFIGURED;
    check->target.classes = (uint32_t)options->classes;
    rpc->enabled = true;
    if (options->activate) {
        activation->enabled = true;
        activation->product = kms_text_dup(options->product);
    }
    rpc->timeout_ms = options->timeout_ms;
    rpc->ndr64 = options->ndr64;
    status = check->target.name != NULL ? open_env(check, &fault) : KMS_ENOMEM;
    if (status != KMS_OK && status != KMS_ENOMEM) {
        return kms_say_mistake(&plugin, fault.text);
    }
    if (status != KMS_OK ||
        kms_run_start(&check->env, kms_rpc_probe(), &check->target, done, check) == NULL) {
        return kms_say_no_memory();
    }
    kms_loop_run(check->env.loop);
    return check->answered ? judge_and_show(check) : kms_say_no_memory();
}

int main(int argc, char **argv)
{
    struct check check = {.answered = false};
    char why[400] = "";
    int code;

    /* A reader that went away is an error of the write, not a death by signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    kms_output_init(&check.out);
    kms_result_init(&check.result, KMS_SOURCE_RPC);
    kms_result_init(&check.activation, KMS_SOURCE_ACTIVATION);
    if (!read_options(&check, argc, argv, why, sizeof(why))) {
        code = kms_say_mistake(&plugin, why);
    } else if (check.options.help) {
        code = kms_say_help(&plugin, rows);
    } else if (check.options.version) {
        code = kms_say_version(&plugin);
    } else {
        code = check.options.agent_given ? run_agent(&check) : run(&check);
    }
    close_env(&check);
    kms_agent_done(&check.agent);
    kms_result_done(&check.result);
    kms_result_done(&check.activation);
    kms_target_done(&check.target);
    kms_output_done(&check.out);
    kms_opts_free_values(rows, &check.options);
    return code;
}
