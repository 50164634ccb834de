/* The commands of kmsmon: each gets the arguments behind its name and returns the exit code. */
#ifndef KMS_CHECKS_COMMAND_H
#define KMS_CHECKS_COMMAND_H

/* Those that ask the running daemon, which exit with 3 when it does not answer. */

/* kmsmon status: argv[0] is "status". 0: all is well, 1: something is not, 2: usage, 3: no answer.
 */
int kms_command_status(int argc, char **argv);
/* Its options, as rows of --help. */
void kms_command_status_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon show: argv[0] is "show". 0: all that are shown are ok, 1: one is not, 2: usage, 3: no
 * answer. */
int kms_command_show(int argc, char **argv);
void kms_command_show_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon probe-now: argv[0] is "probe-now". 0: all hosts asked are ok, 1: one is not, 2: usage, 3:
 * no answer. */
int kms_command_probe_now(int argc, char **argv);
void kms_command_probe_now_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon reload: argv[0] is "reload". 0: in force, 1: rejected, 2: usage, 3: no answer. */
int kms_command_reload(int argc, char **argv);
void kms_command_reload_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon history: argv[0] is "history". 0: it is shown, 1: nothing is known, 2: usage, 3: no
 * answer. */
int kms_command_history(int argc, char **argv);
void kms_command_history_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon dump: argv[0] is "dump". 0: all is printed, 2: usage, 3: no answer. */
int kms_command_dump(int argc, char **argv);
void kms_command_dump_options(void (*line)(void *arg, const char *text), void *arg);

/* Those that do without it. */

/* kmsmon report: argv[0] is "report". 0: all were read, 1: one was not, 2: usage. */
int kms_command_report(int argc, char **argv);
void kms_command_report_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon probe: argv[0] is "probe". 0: all hosts accepted, 1: one did not, 2: usage. */
int kms_command_probe(int argc, char **argv);
void kms_command_probe_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon discover: argv[0] is "discover". 0: every domain has records and all are healthy, 1: not
 * so, 2: usage. */
int kms_command_discover(int argc, char **argv);
void kms_command_discover_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon simulate: argv[0] is "simulate". It becomes kmsmond; 2: usage, or it cannot be started. */
int kms_command_simulate(int argc, char **argv);
void kms_command_simulate_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon capture: argv[0] is "capture". 0: the host answered, 1: not so, 2: usage. */
int kms_command_capture(int argc, char **argv);
void kms_command_capture_options(void (*line)(void *arg, const char *text), void *arg);

/* kmsmon wsman-check: argv[0] is "wsman-check". 0: every stage is ok, 1: not so, 2: usage. */
int kms_command_wsman_check(int argc, char **argv);
void kms_command_wsman_check_options(void (*line)(void *arg, const char *text), void *arg);

#endif
