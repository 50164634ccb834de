/* Runs a check from argv to the exit code. */
#include "frame.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/bytes.h"
#include "base/text.h"
#include "base/undumpable.h"
#include "model/credentials_conf.h"
#include "options.h"
#include "reader.h"
#include "show.h"
#include "wsman/url.h"

#define EXIT_UNKNOWN     3
#define WSMAN_TIMEOUT_MS 45000
#define WSMAN_GRACE_MS   1000

/* ---- printing ---- */

/* A state that nobody can read is no state: the monitoring system must not take silence for OK. */
static int print_text(const struct kms_buf *text, int code)
{
    bool whole = text->len > 0 && fwrite(text->data, 1, text->len, stdout) == text->len;

    return whole && fflush(stdout) == 0 ? code : EXIT_UNKNOWN;
}

static int print_output(const struct kms_output *out, enum kms_state state)
{
    struct kms_buf text;
    int code = EXIT_UNKNOWN;

    kms_buf_init(&text, (size_t)1 << 20);
    if (kms_output_render(out, state, &text) == KMS_OK) {
        code = print_text(&text, kms_state_exit(state));
    } else {
        (void)fputs("KMS UNKNOWN: out of memory\n", stdout);
    }
    kms_buf_done(&text);
    return code;
}

static void add_text(void *arg, const char *text)
{
    (void)kms_buf_addf(arg, "%s\n", text);
}

/* Without '|': behind it monitoring systems look for performance data. */
static void add_usage(const struct kms_check_type *type, struct kms_buf *text)
{
    (void)kms_buf_addf(text, "Usage: %s --report FILE [-H NAME] [-p PORT] [-w RANGE]\n",
                       type->name);
    (void)kms_buf_addf(text,
                       "       [-c RANGE] [--classes LIST] [--max-age TIME] [-t TIME] [-v]\n");
    (void)kms_buf_addf(text, "       %s --wsman -H NAME --credentials FILE ...\n", type->name);
    (void)kms_buf_addf(text, "       %s --agent -H NAME ...\n", type->name);
}

static int usage_error(const struct kms_check_type *type, const char *message)
{
    struct kms_buf text;
    char clean[400];
    int code;

    kms_text_clean(clean, sizeof(clean), message, strlen(message));
    kms_buf_init(&text, 4096);
    (void)kms_buf_addf(&text, "KMS UNKNOWN: usage: %s\n", clean);
    add_usage(type, &text);
    (void)kms_buf_addf(&text, "Try '%s --help' for all options.\n", type->name);
    code = print_text(&text, EXIT_UNKNOWN);
    kms_buf_done(&text);
    return code;
}

static int print_version(const struct kms_check_type *type)
{
    (void)printf("%s (kmsmon) %s\n", type->name, KMSMON_VERSION);
    (void)fflush(stdout);
    return EXIT_UNKNOWN;
}

static int print_help(const struct kms_check_type *type, const struct kms_opt *rows)
{
    struct kms_buf text;
    int code;

    kms_buf_init(&text, (size_t)64 * 1024);
    (void)kms_buf_addf(&text, "%s\n\n", type->purpose);
    add_usage(type, &text);
    add_text(&text, "");
    kms_opts_help(rows, add_text, &text);
    (void)kms_buf_addf(&text, "\n-w and -c are about %s.\n", type->metric);
    add_text(&text, "RANGE is [@]START:END, alerting outside of it, the ends included; @ inside.");
    add_text(&text, "A low limit ends in a colon: '-c 25:' alerts below 25, '-c 25' above 25.");
    if (type->note != NULL) {
        add_text(&text, type->note);
    }
    (void)kms_buf_addf(&text, "Exit: 0 ok, 1 warning, 2 critical, 3 unknown. See %s(1).\n",
                       type->name);
    code = print_text(&text, EXIT_UNKNOWN);
    kms_buf_done(&text);
    return code;
}

/* ---- options ---- */

static bool has_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static const char *wrong_with_agent(const struct kms_check_options *options)
{
    if (has_text(options->report) || options->wsman || options->wsman_url != NULL ||
        options->credentials_file != NULL || options->pin != NULL) {
        return "--agent answers from kmsmond, which asks by its own configuration: no --report and "
               "no --wsman";
    }
    return has_text(options->host) ? NULL : "-H is missing: name the host as kmsmond does";
}

static bool read_sources(struct kms_check_options *options, char *why, size_t size)
{
    const char *wrong = NULL;

    if (options->agent_given) {
        wrong = wrong_with_agent(options);
        kms_text_copy(why, size, wrong != NULL ? wrong : "");
        return wrong == NULL;
    }

    options->wsman = options->wsman || options->wsman_url != NULL;
    if (!options->wsman && !has_text(options->report)) {
        wrong = "--report is missing: name the file that slmgr.vbs /dlv wrote";
    } else if (!options->wsman && (options->credentials_file != NULL || options->pin != NULL)) {
        wrong = "--credentials and --pin go with --wsman";
    } else if (options->wsman && !has_text(options->credentials_file)) {
        wrong = "--credentials is missing: name the file with the credentials block for --wsman";
    } else if (options->wsman && !has_text(options->host) && options->wsman_url == NULL) {
        wrong = "-H is missing: name the host that --wsman asks";
    }
    if (options->wsman && !options->timeout_given) {
        options->timeout_ms = WSMAN_TIMEOUT_MS;
    }
    kms_text_copy(why, size, wrong != NULL ? wrong : "");
    return wrong == NULL;
}

static bool read_options(struct kms_check *check, const struct kms_opt *rows, int argc, char **argv,
                         char *why, size_t size)
{
    struct kms_check_options *options = &check->options;
    int rest = argc;

    kms_policy_preset(&options->policy);
    if (!kms_arguments_read(rows, argc, argv, options, &rest, why, size)) {
        return false;
    }
    if (options->help || options->version) {
        return true;
    }
    if (!kms_arguments_end(argc, argv, rest, options->agent, "a report is named with --report", why,
                           size)) {
        return false;
    }
    if (!read_sources(options, why, size)) {
        return false;
    }
    return kms_arguments_range("--warning", options->warning_text, &check->warning, why, size) &&
           kms_arguments_range("--critical", options->critical_text, &check->critical, why, size);
}

bool kms_check_ranged(const struct kms_check *check)
{
    return check->warning.given || check->critical.given;
}

enum kms_state kms_check_range_state(const struct kms_check *check, double value)
{
    if (kms_range_alerts(&check->critical, value)) {
        return KMS_STATE_CRITICAL;
    }
    return kms_range_alerts(&check->warning, value) ? KMS_STATE_WARNING : KMS_STATE_OK;
}

/* The host that the url names, where nobody gave it another name; else the report's name. */
static char *make_name(const struct kms_check_options *options)
{
    struct kms_wsman_url url = {.url = NULL};
    struct kms_fault fault = {.text = ""};
    char name[128] = "";

    if (options->host != NULL) {
        return kms_text_dup(options->host);
    }
    if (options->report != NULL) {
        kms_report_name(options->report, name, sizeof(name));
    } else if (kms_wsman_url_make(options->wsman_url, "", NULL, &url, &fault) == KMS_OK) {
        kms_text_copy(name, sizeof(name), url.host);
        kms_wsman_url_done(&url);
    }
    return kms_text_dup(name[0] != '\0' ? name : "host");
}

static bool make_report(const struct kms_check_options *options, struct kms_source_config *report)
{
    report->enabled = true;
    report->url = kms_text_dup(options->report);
    report->ca_file = kms_text_dup(options->ca_file);
    /* Later than the watchdog, whose state the site selects. */
    report->timeout_ms = options->timeout_ms + 5000;
    report->max_age_ms = options->max_age_ms;
    report->size_max = options->size_max;
    return report->url != NULL && (options->ca_file == NULL || report->ca_file != NULL);
}

/* The credentials belong to it already. */
static bool make_wsman(const struct kms_check_options *options, struct kms_source_config *wsman)
{
    wsman->enabled = true;
    wsman->url = kms_text_dup(options->wsman_url);
    wsman->ca_file = kms_text_dup(options->ca_file);
    wsman->pin = kms_text_dup(options->pin);
    wsman->timeout_ms = options->timeout_ms;
    return (options->wsman_url == NULL || wsman->url != NULL) &&
           (options->ca_file == NULL || wsman->ca_file != NULL) &&
           (options->pin == NULL || wsman->pin != NULL);
}

static bool make_target(struct kms_check *check)
{
    const struct kms_check_options *options = &check->options;
    struct kms_source_config *source = check->target.source;
    bool whole;

    check->target.name = make_name(options);
    check->target.port = options->port;
    check->target.port_given = options->port_given;
    check->target.origin = KMS_ORIGIN_CONFIGURED;
    check->target.classes = (uint32_t)options->classes;
    whole = check->target.name != NULL;
    if (has_text(options->report)) {
        whole = make_report(options, &source[KMS_SOURCE_REPORT]) && whole;
    }
    if (options->wsman) {
        whole = make_wsman(options, &source[KMS_SOURCE_WSMAN]) && whole;
    }
    return whole;
}

/* ---- credentials ---- */

/* Who asks, out of the file; libraries copy the password that it leads to. */
static bool read_credentials(struct kms_check *check, char *why, size_t size)
{
    struct kms_source_config *wsman = &check->target.source[KMS_SOURCE_WSMAN];
    struct kms_fault fault = {.text = ""};
    struct kms_buf errors;
    bool good;

    if (!check->options.wsman || check->options.help || check->options.version) {
        return true;
    }
    if (kms_undumpable(&fault) != KMS_OK) {
        kms_text_copy(why, size, fault.text);
        return false;
    }
    wsman->credentials = calloc(1, sizeof(*wsman->credentials));
    kms_buf_init(&errors, (size_t)64 * 1024);
    good = wsman->credentials != NULL &&
           kms_credentials_load(check->options.credentials_file, wsman->credentials, &errors) ==
               KMS_OK;
    if (!good) {
        const char *text = kms_buf_str(&errors);
        kms_text_format(why, size, "%.*s", (int)strcspn(text, "\n"),
                        text[0] != '\0' ? text : "out of memory");
    }
    kms_buf_done(&errors);
    return good;
}

/* ---- the run ---- */

static void prepare(struct kms_check *check)
{
    if (check->type->prepare != NULL) {
        check->type->prepare(check);
    }
}

static int show_timeout(struct kms_check *check)
{
    const char *name = check->options.report;
    char after[32], what[300] = "the host";

    kms_text_duration(after, sizeof(after), check->options.timeout_ms);
    if (has_text(name)) {
        kms_report_show(kms_text_equal(name, "-") ? "standard input" : name, what, sizeof(what));
    }
    kms_output_first(&check->out, "no result within %s", after);
    kms_output_line(&check->out, 0, "%s %s took longer than --timeout.",
                    has_text(name) ? "Reading" : "Asking",
                    check->options.agent_given ? "kmsmond" : what);
    kms_output_line(&check->out, 0, "next step: %s",
                    check->options.agent_given ? KMS_AGENT_LATE_NEXT
                                               : kms_outcome_row(KMS_OUTCOME_TIMEOUT)->hint);
    return print_output(&check->out, (enum kms_state)check->options.timeout_state);
}

static enum kms_state failure_state(const struct kms_check *check,
                                    const struct kms_outcome_row *row)
{
    if (check->result->outcome == KMS_OUTCOME_WSMAN_TIMEOUT) {
        return (enum kms_state)check->options.timeout_state;
    }
    return row->kind == KMS_OUTCOME_IS_TARGET ? KMS_STATE_CRITICAL : KMS_STATE_UNKNOWN;
}

static int show_failure(struct kms_check *check)
{
    const struct kms_result *result = check->result;
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);

    kms_output_first(&check->out, "%s", result->detail[0] != '\0' ? result->detail : row->meaning);
    if (result->detail[0] != '\0') {
        kms_output_line(&check->out, 0, "%s: %s", row->token, row->meaning);
    }
    if (check->agent.host != NULL) {
        char age[120];
        kms_agent_age(&check->agent, result, age, sizeof(age));
        kms_output_line(&check->out, 0, "%s: %s", check->target.name, age);
    }
    if (row->hint[0] != '\0') {
        kms_output_line(&check->out, 0, "next step: %s", row->hint);
    }
    return print_output(&check->out, failure_state(check, row));
}

static int show_no_memory(void)
{
    (void)puts("KMS UNKNOWN: out of memory");
    return EXIT_UNKNOWN;
}

static bool load_windows(struct kms_check *check, const struct kms_now *now)
{
    const struct kms_check_options *options = &check->options;

    if (!(check->type->parts & KMS_CHECK_REQUESTS) || options->agent_given) {
        return true;
    }
    /* A folder that somebody named is theirs to create: its name may be a slip. */
    if (!options->state_dir_given) {
        (void)kms_windows_make_dir(options->state_dir);
    }
    check->windows = kms_windows_open(
        options->state_dir, options->host != NULL ? options->host : "",
        has_text(options->report) ? options->report : "wsman", (unsigned)geteuid(), now);
    return check->windows != NULL;
}

/* Twice the window, so that an edge between two polls is still covered, and a day, so that a check
 * with a longer window finds something. */
static int64_t keep_s(const struct kms_policy *policy)
{
    int64_t window_s = 2 * policy->requests_window_ms / 1000;

    return window_s > 86400 ? window_s : 86400;
}

static void set_evidence(const struct kms_result *result, struct kms_evidence *evidence)
{
    if (result->outcome != KMS_OUTCOME_NONE) {
        evidence->last[result->source] = result;
        evidence->good[result->source] = kms_outcome_good(result->outcome) ? result : NULL;
    }
}

static int judge_and_show(struct kms_check *check, int64_t now_s)
{
    const struct kms_clock clock = kms_clock_system();
    const struct kms_now now = {.steady_s = kms_clock_now(&clock).steady_s, .wall_s = now_s};
    struct kms_evidence evidence = {.target = &check->target};
    enum kms_state state;

    set_evidence(&check->report, &evidence);
    set_evidence(&check->wsman, &evidence);
    if (!load_windows(check, &now)) {
        return show_no_memory();
    }
    if (check->windows != NULL) {
        if (!kms_windows_add(check->windows, check->result, &now, keep_s(&check->options.policy))) {
            return show_no_memory();
        }
        check->windows_kept = kms_windows_save(check->windows, &now);
        evidence.window = kms_windows_find;
        evidence.window_arg = check->windows;
    }
    if (check->agent.host != NULL) {
        evidence.window = kms_agent_window;
        evidence.window_arg = &check->agent;
    }
    if (kms_judge(&evidence, &check->options.policy, now_s, &check->judgement) != KMS_OK) {
        return show_no_memory();
    }
    check->judged = true;
    state = check->disowned ? kms_show_disowned(check) : check->type->show(check);
    return print_output(&check->out, state);
}

/* The host's own word first, unless it told nothing and the report does. */
static void choose_result(struct kms_check *check)
{
    bool told;

    check->disowned = check->wsman.outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
    told = check->disowned || kms_outcome_good(check->wsman.outcome);
    check->result = &check->wsman;
    if (!check->target.source[KMS_SOURCE_WSMAN].enabled ||
        (!told && kms_outcome_good(check->report.outcome))) {
        check->result = &check->report;
    }
}

static enum kms_read_end read_all(struct kms_check *check, int64_t *ret_now_s)
{
    struct kms_read_setup setup = {.at_once = 2, .limit_ms = check->options.timeout_ms};
    struct kms_reading job[2];
    size_t count = 0;

    if (check->target.source[KMS_SOURCE_REPORT].enabled) {
        job[count++] = (struct kms_reading){KMS_SOURCE_REPORT, &check->target, &check->report};
    }
    if (check->target.source[KMS_SOURCE_WSMAN].enabled) {
        job[count++] = (struct kms_reading){KMS_SOURCE_WSMAN, &check->target, &check->wsman};
        setup.limit_ms += WSMAN_GRACE_MS; /* the probe says more about its own deadline */
    }
    return kms_read_reports(&setup, job, count, ret_now_s);
}

static int judge_result(struct kms_check *check, int64_t now_s)
{
    choose_result(check);
    if (!kms_outcome_good(check->result->outcome) && !check->disowned) {
        return show_failure(check);
    }
    return judge_and_show(check, now_s);
}

/* ---- from the daemon ---- */

static int show_cannot(struct kms_check *check)
{
    kms_output_first(&check->out, "%s", check->agent.why);
    if (check->agent.next[0] != '\0') {
        kms_output_line(&check->out, 0, "next step: %s", check->agent.next);
    }
    return print_output(&check->out, KMS_STATE_UNKNOWN);
}

/* A result of the daemon is as one of a probe of our own. */
static bool take(struct kms_check *check, enum kms_source source, struct kms_result *ret)
{
    struct kms_source_config *config = &check->target.source[source];

    config->enabled = kms_agent_take(&check->agent, source, ret);
    config->max_age_ms = check->options.max_age_given ? check->options.max_age_ms
                                                      : kms_agent_max_age_ms(&check->agent, source);
    return config->enabled;
}

/* WS-Management and the report, as by probes; where the daemon has neither, what came of activation
 * requests. When nothing can be had the first one's reason is told. */
static bool take_results(struct kms_check *check)
{
    const struct kms_source_config *asked = check->agent.host->target.source;
    bool wsman = asked[KMS_SOURCE_WSMAN].enabled, report = asked[KMS_SOURCE_REPORT].enabled;

    if (wsman && take(check, KMS_SOURCE_WSMAN, &check->wsman)) {
        (void)(report && take(check, KMS_SOURCE_REPORT, &check->report));
        return true;
    }
    if (report && take(check, KMS_SOURCE_REPORT, &check->report)) {
        return true;
    }
    if (!wsman && !report && !asked[KMS_SOURCE_ACTIVATION].enabled) {
        kms_text_format(check->agent.why, sizeof(check->agent.why),
                        "kmsmond asks %s neither over WS-Management nor for a report",
                        check->agent.host->target.name);
        kms_text_copy(check->agent.next, sizeof(check->agent.next),
                      "add a block wsman, report or activation to the host in the configuration of "
                      "kmsmond");
        return false;
    }
    return !wsman && !report && take(check, KMS_SOURCE_ACTIVATION, &check->report);
}

/* Who the host is, by the daemon; what the site relies on there, unless the options say it. */
static bool take_target(struct kms_check *check)
{
    const struct kms_target *from = &check->agent.host->target;
    struct kms_target *target = &check->target;

    target->name = kms_text_dup(from->name);
    target->port = check->options.port_given ? check->options.port : from->port;
    target->port_given = check->options.port_given || from->port_given;
    target->origin = from->origin;
    target->classes = check->options.classes != 0 ? (uint32_t)check->options.classes
                                                  : from->classes;
    return target->name != NULL;
}

/* SNMP and the check are to agree wherever nobody wanted otherwise. */
static void take_policy(struct kms_check *check)
{
    kms_agent_policy(&check->agent, check->options.policy_given, &check->options.policy);
    prepare(check);
}

static int run_agent(struct kms_check *check)
{
    const struct kms_check_options *options = &check->options;

    switch (kms_agent_ask(&check->agent, options->agent, options->host, options->timeout_ms)) {
    case KMS_AGENT_NO_MEMORY:
        return show_no_memory();
    case KMS_AGENT_LATE:
        return show_timeout(check);
    case KMS_AGENT_CANNOT:
        return show_cannot(check);
    case KMS_AGENT_TOLD:
        break;
    }
    if (!take_target(check)) {
        return show_no_memory();
    }
    take_policy(check);
    return take_results(check) ? judge_result(check, check->agent.now.wall_s) : show_cannot(check);
}

static int run_check(struct kms_check *check)
{
    int64_t now_s;

    if (check->options.agent_given) {
        return run_agent(check);
    }
    if (!make_target(check)) {
        return show_no_memory();
    }
    switch (read_all(check, &now_s)) {
    case KMS_READ_NO_MEMORY:
        return show_no_memory();
    case KMS_READ_LATE:
        return show_timeout(check);
    case KMS_READ_DONE:
        break;
    }
    return judge_result(check, now_s);
}

static void check_done(struct kms_check *check, const struct kms_opt *rows)
{
    if (check->judged) {
        kms_judgement_done(&check->judgement);
    }
    kms_windows_free(check->windows);
    kms_agent_done(&check->agent);
    kms_result_done(&check->report);
    kms_result_done(&check->wsman);
    kms_target_done(&check->target);
    kms_output_done(&check->out);
    kms_opts_free_values(rows, &check->options);
}

int kms_check_main(const struct kms_check_type *type, int argc, char **argv)
{
    struct kms_opt rows[KMS_CHECK_ROWS_MAX];
    struct kms_check check = {.type = type};
    char why[400] = "";
    int code;

    /* A reader that went away is an error of the write, not a death by signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    kms_check_opts(type->parts, rows);
    kms_output_init(&check.out);
    kms_result_init(&check.report, KMS_SOURCE_REPORT);
    kms_result_init(&check.wsman, KMS_SOURCE_WSMAN);
    if (!read_options(&check, rows, argc, argv, why, sizeof(why)) ||
        !read_credentials(&check, why, sizeof(why))) {
        code = usage_error(type, why);
    } else if (check.options.help) {
        code = print_help(type, rows);
    } else if (check.options.version) {
        code = print_version(type);
    } else {
        prepare(&check);
        code = run_check(&check);
    }
    check_done(&check, rows);
    return code;
}
