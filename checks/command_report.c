/* kmsmon report: reads slmgr reports and shows what they say. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "base/opt.h"
#include "base/text.h"
#include "form.h"
#include "listing.h"
#include "reader.h"

#define EXIT_ALL_READ 0
#define EXIT_NOT_READ 1

#define AT_ONCE     4
#define REPORTS_MAX 100000
#define OUTPUT_MAX  ((size_t)256 * 1024 * 1024)

struct options {
    bool json, details, help;
    uint64_t classes;
    int64_t port;
    bool port_given;
    int64_t max_age_ms, max_size, timeout_ms;
    char *ca_file;
};

#define ROW(long_name, letter, kind, member)                                            \
    .key = (long_name), .long_opt = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = offsetof(struct options, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("json", 'j', KMS_OPT_FLAG, json), .help = "print JSON: an array with an object a report"},
    {ROW("details", 'v', KMS_OPT_FLAG, details),
     .help = "print every fact; without it several reports give one table"},
    {ROW("classes", 0, KMS_OPT_SET, classes), .choices = kms_class_choices, .arg = "LIST",
     .help = "classes the site relies on: client,server,office2010,office"},
    {ROW("max-age", 0, KMS_OPT_DURATION, max_age_ms), .arg = "TIME",
     .help = "judge older data as unknown, e.g. 26h (default: no limit)"},
    {ROW("max-size", 0, KMS_OPT_BYTES, max_size), .min = 1024, .max = INT64_C(1) << 30,
     .preset = "8M", .arg = "SIZE", .help = "a larger report is an error"},
    {ROW("ca-file", 0, KMS_OPT_TEXT, ca_file), .arg = "FILE",
     .help = "CA certificates for https, PEM (default: the system's)"},
    {ROW("timeout", 't', KMS_OPT_DURATION, timeout_ms), .min = 100, .max = 3600000, .preset = "10s",
     .arg = "TIME", .help = "give up on a report after this long"},
    {.key = "port",
     .long_opt = "port",
     .short_opt = 'p',
     .type = KMS_OPT_PORT,
     .offset = offsetof(struct options, port),
     .given_offset = offsetof(struct options, port_given),
     .preset = "1688",
     .arg = "PORT",
     .help = "port that clients use"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "report",
    .purpose = "Shows what the text of 'slmgr.vbs /dlv' says about KMS hosts.",
    .usage = "Usage: kmsmon report [--json] [-v] [--classes LIST] FILE|-|URL ...\n",
    .note = "Exit: 0 all reports were read, 1 one was not, 2 wrong usage.\n",
    .rows = rows,
    .help = offsetof(struct options, help),
    .failed = EXIT_NOT_READ,
};

/* ---- progress ---- */

struct progress {
    bool terminal, shown;
    int64_t next_ms;
};

/* A terminal sees one line that changes, soon; a log gets a line now and then, if it takes long at
 * all. */
static void show_progress(void *arg, size_t finished, size_t all, int64_t elapsed_ms)
{
    struct progress *progress = arg;

    if (all < 2 || finished == all || elapsed_ms < progress->next_ms) {
        return;
    }
    progress->shown = true;
    progress->next_ms = elapsed_ms + (progress->terminal ? 200 : 5000);
    (void)fprintf(stderr,
                  progress->terminal ? "\rread %zu of %zu reports "
                                     : "kmsmon: read %zu of %zu reports\n",
                  finished, all);
    (void)fflush(stderr);
}

static void clear_progress(const struct progress *progress)
{
    if (progress->shown && progress->terminal) {
        (void)fputs("\r\x1b[K", stderr);
    }
}

/* ---- the command ---- */

static bool make_target(struct kms_listed *listed, const struct options *options,
                        const char *report)
{
    struct kms_source_config *source = &listed->target.source[KMS_SOURCE_REPORT];
    char name[128];

    kms_report_name(report, name, sizeof(name));
    listed->report = report;
    listed->target.name = kms_text_dup(name);
    listed->target.port = options->port;
    listed->target.port_given = options->port_given;
    listed->target.origin = KMS_ORIGIN_CONFIGURED;
    listed->target.classes = (uint32_t)options->classes;
    source->enabled = true;
    source->url = kms_text_dup(report);
    source->ca_file = kms_text_dup(options->ca_file);
    source->timeout_ms = options->timeout_ms;
    source->max_age_ms = options->max_age_ms;
    source->size_max = options->max_size;
    return listed->target.name != NULL && source->url != NULL &&
           (options->ca_file == NULL || source->ca_file != NULL);
}

static bool judge(struct kms_listed *listed, int64_t now_s)
{
    struct kms_evidence evidence = {.target = &listed->target};
    struct kms_policy policy;

    if (!kms_outcome_good(listed->result.outcome)) {
        return true;
    }
    kms_policy_preset(&policy);
    evidence.last[KMS_SOURCE_REPORT] = &listed->result;
    evidence.good[KMS_SOURCE_REPORT] = &listed->result;
    listed->judged = kms_judge(&evidence, &policy, now_s, &listed->judgement) == KMS_OK;
    return listed->judged;
}

static enum kms_status render(const struct options *options, const struct kms_listed *listed,
                              size_t count, struct kms_buf *out)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    enum kms_status status = KMS_OK;

    if (options->json) {
        return kms_listing_json(listed, count, out);
    }
    if (count > 1 && !options->details) {
        return kms_listing_overview(listed, count, &style, out);
    }
    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        if (i > 0) {
            status = kms_buf_add_str(out, "\n");
        }
        status = status == KMS_OK ? kms_listing_details(&listed[i], &style, out) : status;
    }
    return status;
}

static int print(const struct options *options, const struct kms_listed *listed, size_t count)
{
    int code = EXIT_ALL_READ;
    struct kms_buf out;

    kms_buf_init(&out, OUTPUT_MAX);
    if (render(options, listed, count, &out) != KMS_OK) {
        code = kms_form_no_memory(&form);
    } else {
        code = kms_form_print(&form, &out, code);
    }
    kms_buf_done(&out);
    for (size_t i = 0; i < count; i++) {
        if (!listed[i].judged) {
            code = EXIT_NOT_READ;
        }
    }
    return code;
}

static bool read_and_judge(struct kms_listed *listed, struct kms_reading *readings, size_t count)
{
    struct progress progress = {.terminal = isatty(STDERR_FILENO) == 1};
    struct kms_read_setup setup = {.at_once = AT_ONCE, .progress = show_progress, .arg = &progress};
    enum kms_read_end end;
    int64_t now_s;

    progress.next_ms = progress.terminal ? 500 : 2000;
    end = kms_read_reports(&setup, readings, count, &now_s);
    clear_progress(&progress);
    if (end != KMS_READ_DONE) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!judge(&listed[i], now_s)) {
            return false;
        }
    }
    return true;
}

static int show_reports(const struct options *options, char **reports, size_t count)
{
    struct kms_listed *listed = calloc(count, sizeof(*listed));
    struct kms_reading *readings = calloc(count, sizeof(*readings));
    bool ok = listed != NULL && readings != NULL;
    int code = EXIT_NOT_READ;

    for (size_t i = 0; i < count && ok; i++) {
        kms_result_init(&listed[i].result, KMS_SOURCE_REPORT);
        readings[i] = (struct kms_reading){KMS_SOURCE_REPORT, &listed[i].target, &listed[i].result};
        ok = make_target(&listed[i], options, reports[i]);
    }
    if (ok && read_and_judge(listed, readings, count)) {
        code = print(options, listed, count);
    } else {
        code = kms_form_no_memory(&form);
    }
    for (size_t i = 0; listed != NULL && i < count; i++) {
        if (listed[i].judged) {
            kms_judgement_done(&listed[i].judgement);
        }
        kms_result_done(&listed[i].result);
        kms_target_done(&listed[i].target);
    }
    free(readings);
    free(listed);
    return code;
}

static size_t count_stdin(char **reports, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += kms_text_equal(reports[i], "-") ? 1 : 0;
    }
    return found;
}

static int run(struct options *options, int argc, char **argv)
{
    int rest = argc, code = EXIT_NOT_READ;
    size_t count;

    if (!kms_form_begin(&form, argc, argv, options, &rest, &code)) {
        return code;
    }
    if (rest >= argc) {
        return kms_form_mistake(&form, "no report is named");
    }
    count = (size_t)(argc - rest);
    if (count > REPORTS_MAX) {
        return kms_form_mistake(&form, "too many reports at once");
    }
    if (count_stdin(argv + rest, count) > 1) {
        return kms_form_mistake(&form, "standard input can be read only once");
    }
    return show_reports(options, argv + rest, count);
}

void kms_command_report_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_report(int argc, char **argv)
{
    struct options options = {.json = false};
    int code = run(&options, argc, argv);

    kms_opts_free_values(rows, &options);
    return code;
}
