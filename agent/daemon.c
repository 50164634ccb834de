/* The daemon as a process: it starts, says so, hears its signals, and leaves as it should. */
#include "agent/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/detach.h"
#include "agent/ending.h"
#include "agent/pid_file.h"
#include "agent/privileges.h"
#include "agent/program.h"
#include "agent/program_snmp.h"
#include "agent/program_store.h"
#include "agent/site_open.h"
#include "base/text.h"
#include "base/undumpable.h"

#define PROGRAM "kmsmond"

struct daemon {
    struct kms_program program;
    int detach_ready; /* -1: in the foreground */
    char *pid_path;   /* absolute: the working folder is given up; NULL: not written */
    struct kms_ending *ending;
    struct kms_signal *reload_signal;
    bool reload_is_due; /* asked for before all parts were there */
};

/* ---- signals ---- */

static void ready_to_end(void *arg)
{
    const struct daemon *d = arg;
    kms_ending_ready(d->ending);
}

/* What the master took is to be confirmed, or the next start would send it again. */
static void leave(void *arg)
{
    struct daemon *d = arg;
    kms_program_leave_snmp(&d->program, ready_to_end, d);
}

static void ask_for_reload(void *arg, int number)
{
    struct daemon *d = arg;
    const struct kms_program *p = &d->program;
    struct kms_reload *reload = kms_renewal_reload(p->renewal);
    if (p->simulation) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "reload: a simulation keeps its hosts and its configuration; start it again");
        return;
    }
    kms_log_write(&p->log, KMS_LOG_INFO, "reload: SIG%s", sigabbrev_np(number));
    if (!reload) {
        d->reload_is_due = true;
    } else if (!kms_reload_start(reload, NULL, NULL)) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "reload: out of memory, all stays as it was");
    }
}

/* A master agent or a web server that goes away is an error of a write, not the end. */
static void ignore_pipes(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static bool open_signals(struct daemon *d)
{
    struct kms_loop *loop = d->program.env.loop;
    const struct kms_ending_config ending = {.loop = loop,
                                             .log = &d->program.log,
                                             .wait_ms = KMS_ENDING_WAIT_MS,
                                             .leave = leave,
                                             .arg = d};
    d->ending = kms_ending_new(&ending);
    d->reload_signal = kms_signal_new(loop, SIGHUP, ask_for_reload, d);
    return (d->ending && d->reload_signal) || kms_program_no_memory(&d->program);
}

static void close_signals(struct daemon *d)
{
    kms_signal_free(d->reload_signal);
    kms_ending_free(d->ending);
}

/* ---- the process ---- */

/* Libraries copy the passwords that they are given. */
static bool close_memory(const struct kms_program *p)
{
    struct kms_fault fault = {0};
    if (p->site->credentials_count == 0 || kms_undumpable(&fault) == KMS_OK) {
        return true;
    }
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
    return false;
}

static bool detach(struct daemon *d)
{
    const struct kms_program *p = &d->program;
    if (!p->options->detach) {
        return true;
    }
    if (!kms_detach_begin(&d->detach_ready)) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: no new process: %s", strerrordesc_np(errno));
        return false;
    }
    return true;
}

static bool write_pid(struct daemon *d)
{
    const struct kms_program *p = &d->program;
    if (!p->options->pid_file) {
        return true;
    }
    struct kms_fault fault = {0};
    d->pid_path = kms_pid_file_write(p->options->pid_file, &fault);
    if (!d->pid_path) {
        kms_log_write(
            &p->log, KMS_LOG_ERROR,
            "start: pid file: %s; the user that runs kmsmond must be able to write its folder",
            fault.text);
    }
    return d->pid_path != NULL;
}

static void say_simulation(const struct kms_program *p)
{
    size_t hosts = p->site->host_count, domains = p->site->dns.domain_count;
    kms_log_write(&p->log, KMS_LOG_WARNING,
                  "start: " PROGRAM " " KMSMON_VERSION ", a simulation: nothing here is true of "
                  "any host; %zu host%s and %zu domain%s of %s, %lld times as fast as time, state "
                  "in %s",
                  hosts, kms_text_plural(hosts), domains, kms_text_plural(domains),
                  p->options->simulate, (long long)p->simulation->speed, p->site->state_dir);
    kms_log_write(&p->log, KMS_LOG_INFO,
                  "start: ask it with 'kmsmon status --socket %s' or 'check_kms --agent=%s -H "
                  "HOST'",
                  p->site->control.socket, p->site->control.socket);
}

static void say_start(const struct kms_program *p)
{
    if (p->simulation) {
        say_simulation(p);
    } else if (p->config_absent) {
        kms_log_write(&p->log, KMS_LOG_INFO,
                      "start: " PROGRAM " " KMSMON_VERSION ", without a configuration: %s does not "
                      "exist",
                      p->options->config);
    } else {
        kms_log_write(
            &p->log, KMS_LOG_INFO, "start: " PROGRAM " " KMSMON_VERSION ", %zu host%s of %s",
            p->site->host_count, kms_text_plural(p->site->host_count), p->options->config);
    }
    if (kms_privileges_are_ours() && !p->simulation) {
        kms_log_write(&p->log, KMS_LOG_WARNING,
                      "start: this is root, which nothing here needs; set user = \"kmsmon\"");
    }
}

static void go(struct daemon *d)
{
    struct kms_program *p = &d->program;
    if (d->detach_ready >= 0) {
        p->log = kms_log_syslog(PROGRAM, p->log.level);
        kms_detach_ready(d->detach_ready);
    }
    say_start(p);
    if (d->reload_is_due) {
        (void)kms_reload_start(kms_renewal_reload(p->renewal), NULL, NULL);
    }
    kms_loop_run(p->env.loop);
}

static bool open_daemon(struct daemon *d)
{
    struct kms_program *p = &d->program;
    return close_memory(p) && kms_program_lock_state(p) && detach(d) && kms_program_open_loop(p) &&
           open_signals(d) && kms_program_open(p) && write_pid(d);
}

/* The state folder is given up last: the next process may begin then. */
static void close_daemon(struct daemon *d)
{
    struct kms_program *p = &d->program;
    kms_ending_over(d->ending);
    kms_program_close(p);
    close_signals(d);
    kms_program_close_loop(p);
    kms_pid_file_remove(d->pid_path);
    kms_program_unlock_state(p);
}

int kms_daemon_run(const struct kms_options *options, struct kms_site *site, bool config_absent,
                   const struct kms_simulation *simulation)
{
    /* One heap for all threads: what one takes another gives back, and with a heap for each every
     * reload left its holes in another one. They hardly meet there. */
    (void)mallopt(M_ARENA_MAX, 1);
    ignore_pipes();
    struct daemon daemon = {.program = {.options = options,
                                        .site = site,
                                        .config_absent = config_absent,
                                        .simulation = simulation,
                                        .log = kms_log_stderr(kms_site_level(options, site)),
                                        .state_lock = -1},
                            .detach_ready = -1};
    bool ready = open_daemon(&daemon);
    if (ready) {
        go(&daemon);
    }
    close_daemon(&daemon);
    return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
