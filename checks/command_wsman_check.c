/* kmsmon wsman-check: shows an administrator how far the monitor comes over WS-Management, and what
 * is missing. */
#include "command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "form.h"
#include "net/resolve.h"
#include "wsman_host.h"
#include "wsman_walked.h"

#define EXIT_ALL_OK 0
#define EXIT_NOT_OK 1

#define ERRORS_MAX ((size_t)64 * 1024)
#define OUTPUT_MAX ((size_t)1024 * 1024)

struct options {
    struct kms_wsman_options wsman;
    bool json, help;
};

static const struct kms_opt rows[] = {
    KMS_WSMAN_ROWS(struct options),
    {.key = "json",
     .long_opt = "json",
     .short_opt = 'j',
     .type = KMS_OPT_FLAG,
     .offset = offsetof(struct options, json),
     .given_offset = KMS_OPT_NO_GIVEN,
     .help = "print JSON: an object with an array of stages"},
    {.key = "help",
     .long_opt = "help",
     .short_opt = 'h',
     .type = KMS_OPT_FLAG,
     .offset = offsetof(struct options, help),
     .given_offset = KMS_OPT_NO_GIVEN,
     .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "wsman-check",
    .purpose =
        "Goes the way of the monitor to a KMS host over WS-Management, stage by stage, and shows\n"
        "where it ends, what is likely missing, and how it is granted on Windows.",
    .usage = "Usage: kmsmon wsman-check --credentials FILE [--wsman-url URL] [--ca-file FILE] "
             "[--pin HEX]\n"
             "                          [--json] [-t TIME] HOST\n",
    .note = "Nothing is changed on the host.\n"
            "Exit: 0 every stage is ok, 1 one is not, 2 wrong usage.\n",
    .rows = rows,
    .help = offsetof(struct options, help),
    .failed = EXIT_NOT_OK,
};

static int print(const struct options *options, const struct kms_walk *walk, const char *user)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    int code = kms_walk_good(walk) ? EXIT_ALL_OK : EXIT_NOT_OK;
    struct kms_buf out;
    kms_buf_init(&out, OUTPUT_MAX);
    enum kms_status status = options->json ? kms_walked_json(walk, user, &out)
                                           : kms_walked_table(walk, user, &style, &out);
    code = status == KMS_OK ? kms_form_print(&form, &out, code) : kms_form_no_memory(&form);
    kms_buf_done(&out);
    return code;
}

static int walk(const struct options *options, struct kms_wsman_host *host)
{
    const struct kms_resolver_setup setup = {.servers = NULL};
    struct kms_fault fault = {.text = ""};
    struct kms_walk walked;
    if (kms_resolver_new(host->env.loop, &setup, &host->env.resolver, &fault) != KMS_OK) {
        (void)fprintf(stderr, "kmsmon wsman-check: %s\n", fault.text);
        return EXIT_NOT_OK;
    }
    enum kms_status status = kms_walk_run(&host->env, &host->target, &walked);
    kms_resolver_free(host->env.resolver);
    host->env.resolver = NULL;
    return status == KMS_OK
               ? print(options, &walked, host->target.source[KMS_SOURCE_WSMAN].credentials->user)
               : kms_form_no_memory(&form);
}

static int check_host(const struct options *options, const char *name)
{
    struct kms_wsman_host host;
    struct kms_buf errors;
    int code;
    kms_buf_init(&errors, ERRORS_MAX);
    switch (kms_wsman_host_open(&host, name, &options->wsman, &errors)) {
    case KMS_OK:
        code = walk(options, &host);
        break;
    case KMS_EINVAL:
        (void)fprintf(stderr, "kmsmon wsman-check: %s", kms_buf_str(&errors));
        code = KMS_FORM_USAGE;
        break;
    default:
        code = kms_form_no_memory(&form);
    }
    kms_buf_done(&errors);
    kms_wsman_host_close(&host);
    return code;
}

static int run(struct options *options, int argc, char **argv)
{
    int rest = argc, code = EXIT_NOT_OK;
    if (!kms_form_begin(&form, argc, argv, options, &rest, &code)) {
        return code;
    }
    if (argc - rest != 1) {
        return kms_form_mistake(&form, argc > rest ? "one host at a time" : "no host is named");
    }
    return check_host(options, argv[rest]);
}

void kms_command_wsman_check_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_wsman_check(int argc, char **argv)
{
    struct options options = {.help = false};
    int code = run(&options, argc, argv);
    kms_opts_free_values(rows, &options);
    return code;
}
