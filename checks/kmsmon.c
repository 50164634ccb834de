/* kmsmon: the command for people; picks the subcommand. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command.h"

struct command {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
    void (*options)(void (*line)(void *arg, const char *text), void *arg);
};

static const struct command commands[] = {
    {"status", "show how the running kmsmond is, and what is not well", kms_command_status,
     kms_command_status_options},
    {"show", "show what it knows of its hosts", kms_command_show, kms_command_show_options},
    {"probe-now", "have it ask hosts at once, and show what came", kms_command_probe_now,
     kms_command_probe_now_options},
    {"reload", "have it read its configuration again", kms_command_reload,
     kms_command_reload_options},
    {"history", "plot the counts and requests of a host, hour by hour", kms_command_history,
     kms_command_history_options},
    {"dump", "print what its sources told, to be played again", kms_command_dump,
     kms_command_dump_options},
    {"simulate", "play a recording to a kmsmond of its own, to try rules without breaking a host",
     kms_command_simulate, kms_command_simulate_options},
    {"report", "show what the text of 'slmgr.vbs /dlv' says about KMS hosts", kms_command_report,
     kms_command_report_options},
    {"probe", "bind to the KMS port of hosts and show what each did", kms_command_probe,
     kms_command_probe_options},
    {"discover", "show which KMS hosts domains publish in DNS, and what their ports do",
     kms_command_discover, kms_command_discover_options},
    {"wsman-check", "show how far the monitor comes over WS-Management, and what is missing",
     kms_command_wsman_check, kms_command_wsman_check_options},
    {"capture", "record what a KMS host says over WS-Management, without names and keys",
     kms_command_capture, kms_command_capture_options},
};

static void print_help(FILE *to)
{
    (void)fputs("Usage: kmsmon COMMAND [OPTION ...] [ARGUMENT ...]\n"
                "       kmsmon -h | -V\n\nCommands:\n",
                to);
    for (size_t i = 0; i < KMS_COUNT_OF(commands); i++) {
        (void)fprintf(to, "  %-12s%s\n", commands[i].name, commands[i].help);
    }
    (void)fputs("  help        print this help, or that of a command\n", to);
}

static void print_line(void *arg, const char *text)
{
    (void)fprintf(arg, "%s\n", text);
}

static int print_long_help(void)
{
    print_help(stdout);
    for (size_t i = 0; i < KMS_COUNT_OF(commands); i++) {
        (void)printf("\nOptions of %s:\n", commands[i].name);
        commands[i].options(print_line, stdout);
    }
    (void)fputs("\nOptions without a command:\n  -V, --version             print the version\n",
                stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(commands); i++) {
        if (kms_text_equal(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

static int fail(const char *what, const char *name)
{
    (void)fprintf(stderr, "kmsmon: %s", what);
    if (name != NULL) {
        char clean[100];
        kms_text_clean(clean, sizeof(clean), name, strlen(name));
        (void)fprintf(stderr, " '%s'", clean);
    }
    (void)fputs("\n", stderr);
    print_help(stderr);
    return 2;
}

static int help_of(const char *name)
{
    static char help_option[] = "--help";
    const struct command *command = find(name);
    char own_name[32];
    char *argv[] = {own_name, help_option, NULL};

    if (command == NULL) {
        return fail("there is no command", name);
    }
    kms_text_copy(own_name, sizeof(own_name), command->name);
    return command->run(2, argv);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct command *command;

    (void)signal(SIGPIPE, SIG_IGN);
    if (name == NULL) {
        return fail("a command is missing", NULL);
    }
    if (kms_text_equal(name, "-V") || kms_text_equal(name, "--version")) {
        return printf("kmsmon %s\n", KMSMON_VERSION) > 0 && fflush(stdout) == 0 ? 0 : 1;
    }
    if (kms_text_equal(name, "help") && argc > 2) {
        return help_of(argv[2]);
    }
    if (kms_text_equal(name, "-h") || kms_text_equal(name, "--help") ||
        kms_text_equal(name, "help")) {
        return print_long_help();
    }
    command = find(name);
    if (command == NULL) {
        return fail("there is no command", name);
    }
    return command->run(argc - 1, argv + 1);
}
