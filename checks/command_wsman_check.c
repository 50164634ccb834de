/* kmsmon wsman-check: shows an administrator how far the monitor comes over WS-Management, and what
 * is missing. */
#include "command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "net/resolve.h"
#include "wsman_host.h"
#include "wsman_walked.h"

#define EXIT_ALL_OK 0
#define EXIT_NOT_OK 1
#define EXIT_USAGE  2

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

static void print_line(void *arg, const char *text)
{
    (void)fprintf(arg, "%s\n", text);
}

static void print_usage(FILE *to)
{
    print_line(to, "Usage: kmsmon wsman-check --credentials FILE [--wsman-url URL] "
                   "[--ca-file FILE] [--pin HEX]");
    print_line(to, "                          [--json] [-t TIME] HOST");
}

static int print_help(void)
{
    print_line(stdout, "Goes the way of the monitor to a KMS host over WS-Management, stage by "
                       "stage, and shows");
    print_line(stdout, "where it ends, what is likely missing, and how it is granted on Windows.");
    print_line(stdout, "");
    print_usage(stdout);
    print_line(stdout, "");
    kms_opts_help(rows, print_line, stdout);
    print_line(stdout, "");
    print_line(stdout, "Nothing is changed on the host.");
    print_line(stdout, "Exit: 0 every stage is ok, 1 one is not, 2 wrong usage.");
    return fflush(stdout) == 0 ? EXIT_ALL_OK : EXIT_NOT_OK;
}

static int usage_error(const char *message)
{
    char clean[400];
    kms_text_clean(clean, sizeof clean, message, strlen(message));
    (void)fprintf(stderr, "kmsmon wsman-check: %s\n", clean);
    print_usage(stderr);
    print_line(stderr, "Try 'kmsmon wsman-check --help' for all options.");
    return EXIT_USAGE;
}

static int no_memory(void)
{
    (void)fputs("kmsmon wsman-check: out of memory\n", stderr);
    return EXIT_NOT_OK;
}

static int print(const struct options *options, const struct kms_walk *walk, const char *user)
{
    struct kms_listing_style style = kms_listing_style_of(STDOUT_FILENO);
    int code = kms_walk_good(walk) ? EXIT_ALL_OK : EXIT_NOT_OK;
    struct kms_buf out;
    kms_buf_init(&out, OUTPUT_MAX);
    enum kms_status status = options->json ? kms_walked_json(walk, user, &out)
                                           : kms_walked_table(walk, user, &style, &out);
    if (status != KMS_OK) {
        code = no_memory();
    } else if (fwrite(kms_buf_str(&out), 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        (void)fputs("kmsmon wsman-check: the output could not be written\n", stderr);
        code = EXIT_NOT_OK;
    }
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
               : no_memory();
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
        code = EXIT_USAGE;
        break;
    default:
        code = no_memory();
    }
    kms_buf_done(&errors);
    kms_wsman_host_close(&host);
    return code;
}

static int run(struct options *options, int argc, char **argv)
{
    struct kms_fault fault = {.text = ""};
    int rest = argc;
    if (kms_opts_preset(rows, options) != KMS_OK) {
        return no_memory();
    }
    if (kms_opts_argv(rows, argc, argv, options, &rest, &fault) != KMS_OK) {
        return usage_error(fault.text);
    }
    if (options->help) {
        return print_help();
    }
    if (argc - rest != 1) {
        return usage_error(argc > rest ? "one host at a time" : "no host is named");
    }
    return check_host(options, argv[rest]);
}

void kms_command_wsman_check_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_opts_help(rows, line, arg);
}

int kms_command_wsman_check(int argc, char **argv)
{
    struct options options = {.help = false};
    int code = run(&options, argc, argv);
    kms_opts_free_values(rows, &options);
    return code;
}
