/* kmsmon simulate: becomes a kmsmond that plays a recording; its log says how to ask it. */
#include "command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"
#include "base/text.h"

#define EXIT_USAGE 2
#define PATH_SIZE  4096

struct options {
    char *config, *agentx, *state_dir, *listen;
    int64_t speed;
    bool help;
};

#define AT(member) offsetof(struct options, member)
#define ROW(name, letter, kind, member)                                       \
    .long_opt = (name), .key = (name), .short_opt = (letter), .type = (kind), \
    .offset = AT(member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("speed", 0, KMS_OPT_UINT, speed), .min = 1, .max = 3600, .preset = "1", .arg = "N",
     .help = "time runs N times as fast"},
    {ROW("config", 'c', KMS_OPT_TEXT, config), .arg = "FILE",
     .help = "thresholds, alarms and hosts' settings of this configuration"},
    {ROW("listen", 0, KMS_OPT_TEXT, listen), .preset = "udp:127.0.0.1:16161", .arg = "ADDRESS",
     .help = "answer SNMP there"},
    {ROW("agentx", 0, KMS_OPT_TEXT, agentx), .arg = "ADDRESS",
     .help = "be the guest of that master agent instead"},
    {ROW("state-dir", 0, KMS_OPT_TEXT, state_dir), .arg = "DIR",
     .help = "keep its state there (default: until the end)"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static void print_row(void *arg, const char *text)
{
    (void)fprintf(arg, "%s\n", text);
}

void kms_command_simulate_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_opts_help(rows, line, arg);
}

static int print_help(void)
{
    (void)fputs(
        "Plays a recording to a kmsmond of its own, to try thresholds, alarms and rules. No "
        "host is asked.\n\n"
        "Usage: kmsmon simulate [--speed N] [-c CONFIG] [--listen ADDRESS | --agentx ADDRESS]\n"
        "                       [--state-dir DIR] FILE\n\n",
        stdout);
    kms_opts_help(rows, print_row, stdout);
    (void)fputs("\nIt ends with SIGINT. The recording is described in kmsmond(8); 'kmsmon dump' "
                "prints one.\n",
                stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int mistake(const char *what)
{
    (void)fprintf(stderr, "kmsmon simulate: %s\nTry 'kmsmon simulate --help'.\n", what);
    return EXIT_USAGE;
}

/* Beside this program, as in a build or an installation of one's own; else by the search path. */
static void find_daemon(char *dst, size_t size)
{
    static const char *const places[] = {"kmsmond", "../sbin/kmsmond", "../agent/kmsmond"};
    char own[PATH_SIZE];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

    own[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(own, '/');
    for (size_t i = 0; slash != NULL && i < KMS_COUNT_OF(places); i++) {
        kms_text_format(dst, size, "%.*s/%s", (int)(slash - own), own, places[i]);
        if (access(dst, X_OK) == 0) {
            return;
        }
    }
    kms_text_copy(dst, size, "kmsmond");
}

/* Does not return but for a failure. */
static int run(struct options *options, char *file)
{
    char daemon[PATH_SIZE], speed[24], why[PATH_SIZE + 200];
    static char simulate_option[] = "--simulate", speed_option[] = "--speed",
                state_option[] = "--state-dir", config_option[] = "-c",
                agentx_option[] = "--agentx";
    char *argv[16];
    size_t count = 0;

    find_daemon(daemon, sizeof(daemon));
    kms_text_format(speed, sizeof(speed), "%lld", (long long)options->speed);
    argv[count++] = daemon;
    argv[count++] = simulate_option;
    argv[count++] = file;
    argv[count++] = speed_option;
    argv[count++] = speed;
    if (options->state_dir != NULL) {
        argv[count++] = state_option;
        argv[count++] = options->state_dir;
    }
    if (options->config != NULL) {
        argv[count++] = config_option;
        argv[count++] = options->config;
    }
    if (options->agentx != NULL) {
        argv[count++] = agentx_option;
        argv[count++] = options->agentx;
    } else {
        argv[count++] = options->listen;
    }
    argv[count] = NULL;
    (void)execvp(daemon, argv);
    kms_text_format(why, sizeof(why), "%s cannot be started: %s", daemon, strerrordesc_np(errno));
    return mistake(why);
}

int kms_command_simulate(int argc, char **argv)
{
    struct options options = {.help = false};
    struct kms_fault fault = {.text = ""};
    int rest = argc, code;

    if (kms_opts_preset(rows, &options) != KMS_OK) {
        code = mistake("out of memory");
    } else if (kms_opts_argv(rows, argc, argv, &options, &rest, &fault) != KMS_OK) {
        code = mistake(fault.text);
    } else if (options.help) {
        code = print_help();
    } else if (rest + 1 != argc) {
        code = mistake("name one recording");
    } else {
        code = run(&options, argv[rest]);
    }
    kms_opts_free_values(rows, &options);
    return code;
}
