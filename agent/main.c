/* kmsmond: the command line and the configuration, then the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/options.h"
#include "agent/privileges.h"
#include "agent/simulation.h"
#include "agent/site.h"
#include "agent/site_open.h"
#include "agent/site_snmp.h"
#include "base/text.h"

#define PROGRAM         "kmsmond"
#define EXIT_WRONG      2 /* command line or configuration */
#define ERRORS_TEXT_MAX ((size_t)64 << 10)
#define OUTPUT_MAX      ((size_t)256 << 20)

struct program {
    struct kms_options options;
    struct kms_site site;
    bool config_absent;
};

static void complain(const char *text)
{
    (void)fprintf(stderr, PROGRAM ": %s\n", text);
}

/* Writes and flushes, so that a full disk or a closed pipe is noticed. */
static int print(const char *text)
{
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        complain("the output cannot be written");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static void add_help_line(void *arg, const char *text)
{
    (void)kms_buf_addf(arg, "%s\n", text);
}

static int print_help(void)
{
    struct kms_buf out;
    kms_buf_init(&out, OUTPUT_MAX);
    (void)kms_buf_add_str(&out, "Usage: " PROGRAM " [OPTION]...\n"
                                "       " PROGRAM " --standalone [OPTION]... [ADDRESS]...\n"
                                "Watches KMS hosts and shows them to snmpd (AgentX), or answers "
                                "SNMP itself.\n\n");
    kms_opts_help(kms_options_rows(), add_help_line, &out);
    (void)kms_buf_add_str(&out, "\nSee " PROGRAM "(8) and kmsmon.conf(5).\n");
    int code = print(kms_buf_str(&out));
    kms_buf_done(&out);
    return code;
}

static int print_keys(void)
{
    struct kms_buf out;
    kms_buf_init(&out, OUTPUT_MAX);
    int code = kms_site_keys(&out) == KMS_OK ? print(kms_buf_str(&out)) : EXIT_FAILURE;
    kms_buf_done(&out);
    return code;
}

static int print_site(const struct kms_site *site)
{
    struct kms_buf out;
    kms_buf_init(&out, OUTPUT_MAX);
    enum kms_status status = kms_site_print(site, &out);
    int code = EXIT_FAILURE;
    if (status == KMS_OK) {
        code = print(kms_buf_str(&out));
    } else {
        complain(kms_status_text(status));
    }
    kms_buf_done(&out);
    return code;
}

/* A simulation has the configuration that it is given, and none of the machine's. */
static bool is_simulated(const struct program *p)
{
    return p->options.simulate != NULL;
}

static enum kms_status load_site(struct program *p)
{
    if (is_simulated(p) && !p->options.config_given) {
        p->config_absent = true;
        return kms_site_preset(&p->site);
    }
    struct kms_buf errors;
    kms_buf_init(&errors, ERRORS_TEXT_MAX);
    enum kms_status status = kms_site_open(&p->options, false, &p->site, &p->config_absent,
                                           &errors);
    if (status != KMS_OK && errors.len == 0) {
        complain(kms_status_text(status));
    } else if (status != KMS_OK) {
        (void)fputs(kms_buf_str(&errors), stderr);
        complain("the configuration has errors");
    } else if (p->config_absent && p->options.check) {
        complain("there is no configuration; this is what is in force without one");
    }
    kms_buf_done(&errors);
    return status;
}

/* ---- the user to run as ---- */

#define CONTROL_FOLDER "/run/kmsmon" /* of the first of the usual places of the control socket */
#define STATE_FOLDER   0750
#define OPEN_FOLDER    0755 /* what is in it says itself who may */

static enum kms_status make_folder_of(const char *path, const struct kms_identity *who,
                                      struct kms_fault *fault)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || slash == path) {
        return KMS_OK;
    }
    char *folder = kms_text_dup_len(path, (size_t)(slash - path));
    if (!folder) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    enum kms_status status = kms_privileges_make_folder(folder, who, OPEN_FOLDER, fault);
    free(folder);
    return status;
}

/* Folders that the user could not make; what is there already is somebody's. */
static enum kms_status make_folders(const struct program *p, const struct kms_identity *who,
                                    struct kms_fault *fault)
{
    const char *control = p->site.control.socket ? p->site.control.socket : CONTROL_FOLDER "/";
    enum kms_status status = kms_privileges_make_folder(p->site.state_dir, who, STATE_FOLDER,
                                                        fault);
    if (status == KMS_OK) {
        status = make_folder_of(p->options.pid_file, who, fault);
    }
    return status == KMS_OK ? make_folder_of(control, who, fault) : status;
}

/* Everything is read again as the user that remains: a file that only root may read is an error now
 * and not at the next reload. */
static bool load_again(struct program *p, const struct kms_identity *who)
{
    kms_site_free(&p->site);
    p->site = (struct kms_site){0};
    if (load_site(p) == KMS_OK) {
        return true;
    }
    (void)fprintf(stderr,
                  PROGRAM
                  ": that is as user '%s', which it became: the configuration and the files "
                  "that it names must be readable for that user, secrets its own\n",
                  who->user);
    return false;
}

/* EXIT_SUCCESS: the process is who it should be. */
static int become_user(struct program *p)
{
    const char *user = p->options.user ? p->options.user : p->site.user;
    const char *group = p->options.user || p->options.group ? p->options.group : p->site.group;
    if (!user) {
        if (group) {
            complain("group goes with user; name the user as well");
            return EXIT_WRONG;
        }
        return EXIT_SUCCESS;
    }
    struct kms_identity who;
    struct kms_fault fault = {0};
    if (kms_identity_find(user, group, &who, &fault) != KMS_OK) {
        complain(fault.text);
        return EXIT_WRONG;
    }
    if (!kms_privileges_are_ours()) {
        if (who.uid != geteuid()) {
            (void)fprintf(stderr,
                          PROGRAM ": it was not started as root, so it stays user %ld and does not "
                                  "become '%s'\n",
                          (long)geteuid(), who.user);
        }
        return EXIT_SUCCESS;
    }
    bool serves = !p->options.check && !is_simulated(p);
    if ((serves && make_folders(p, &who, &fault) != KMS_OK) ||
        kms_privileges_become(&who, &fault) != KMS_OK) {
        complain(fault.text);
        return EXIT_FAILURE;
    }
    return load_again(p, &who) ? EXIT_SUCCESS : EXIT_WRONG;
}

static int run_daemon(struct program *p)
{
    return kms_daemon_run(&p->options, &p->site, p->config_absent, NULL);
}

static int run_simulation(struct program *p)
{
    struct kms_simulation simulation;
    struct kms_fault fault = {0};
    enum kms_status status = kms_simulation_open(&p->options, &p->site, &simulation, &fault);
    if (status == KMS_OK && kms_site_take_addresses(&p->options, &p->site) != KMS_OK) {
        kms_simulation_done(&simulation);
        status = kms_fault_set(&fault, KMS_ENOMEM, 0, "out of memory");
    }
    if (status != KMS_OK) {
        complain(fault.text);
        return status == KMS_ENOMEM ? EXIT_FAILURE : EXIT_WRONG;
    }
    int code = p->options.check
                   ? print_site(&p->site)
                   : kms_daemon_run(&p->options, &p->site, p->config_absent, &simulation);
    kms_simulation_done(&simulation);
    return code;
}

static int run(struct program *p)
{
    if (p->options.help) {
        return print_help();
    }
    if (p->options.version) {
        return print(PROGRAM " " KMSMON_VERSION "\n");
    }
    if (p->options.list_keys) {
        return print_keys();
    }
    if (load_site(p) != KMS_OK) {
        return EXIT_WRONG;
    }
    int code = become_user(p);
    if (code == EXIT_SUCCESS) {
        code = is_simulated(p)    ? run_simulation(p)
               : p->options.check ? print_site(&p->site)
                                  : run_daemon(p);
    }
    kms_site_free(&p->site);
    return code;
}

static int read_options(struct program *p, int argc, char **argv)
{
    struct kms_fault fault = {0};
    int rest = 0;
    if (kms_opts_preset(kms_options_rows(), &p->options) != KMS_OK) {
        complain("out of memory");
        return EXIT_FAILURE;
    }
    if (kms_opts_argv(kms_options_rows(), argc, argv, &p->options, &rest, &fault) != KMS_OK) {
        (void)fprintf(stderr, PROGRAM ": %s\nTry " PROGRAM " --help.\n", fault.text);
        return EXIT_WRONG;
    }
    if (!p->options.simulate &&
        (p->options.speed != 1 || p->options.state_dir || p->options.agentx)) {
        (void)fprintf(stderr,
                      PROGRAM ": --speed, --state-dir and --agentx go with --simulate FILE\n");
        return EXIT_WRONG;
    }
    if (p->options.simulate && !p->options.agentx) {
        p->options.standalone = true;
    }
    if (rest < argc && !p->options.standalone) {
        (void)fprintf(stderr,
                      PROGRAM ": '%s' is no option; a configuration is named with -c FILE\n",
                      argv[rest]);
        return EXIT_WRONG;
    }
    for (int i = rest; i < argc; i++) {
        if (!kms_site_is_listen(argv[i])) {
            (void)fprintf(stderr, PROGRAM ": '%s' is not a place to listen; allowed: %s\n", argv[i],
                          KMS_SITE_LISTEN_ALLOWED);
            return EXIT_WRONG;
        }
    }
    p->options.address = argv + rest;
    p->options.address_count = (size_t)(argc - rest);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    int code = read_options(&program, argc, argv);
    if (code == EXIT_SUCCESS) {
        code = run(&program);
    }
    kms_opts_free_values(kms_options_rows(), &program.options);
    return code;
}
