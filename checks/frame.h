/* The frame of every check: options, one probe under a watchdog, judgement, output, exit code. */
#ifndef KMS_CHECKS_FRAME_H
#define KMS_CHECKS_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "agent.h"
#include "model/judge.h"
#include "model/policy.h"
#include "model/result.h"
#include "model/target.h"
#include "output.h"
#include "range.h"
#include "state.h"

/* Which rows of the policy a check offers. */
enum {
    KMS_CHECK_COUNT = 1,    /* thresholds of the classes */
    KMS_CHECK_KEY = 2,      /* expiry */
    KMS_CHECK_REQUESTS = 4, /* failed requests; keeps windows in a state file */
    KMS_CHECK_ALL = KMS_CHECK_COUNT | KMS_CHECK_KEY | KMS_CHECK_REQUESTS,
};

struct kms_check_options {
    char *host;
    int64_t port;
    bool port_given;
    char *report;
    char *ca_file;
    char *agent; /* socket of the daemon; "": the usual one */
    bool agent_given;
    bool wsman;
    char *wsman_url, *credentials_file, *pin;
    int64_t max_age_ms;
    bool max_age_given;
    int64_t size_max;
    uint64_t classes;
    char *warning_text, *critical_text;
    char *state_dir;
    bool state_dir_given;
    int64_t timeout_ms;
    bool timeout_given;
    int64_t timeout_state;
    int64_t verbose;
    bool version, help;
    struct kms_policy policy;
    bool policy_given[KMS_POLICY_PLACES]; /* by kms_policy_place */
};

/* One run of a check, filled step by step. */
struct kms_check {
    const struct kms_check_type *type;
    struct kms_check_options options;
    struct kms_range warning, critical;
    struct kms_target target;
    struct kms_agent agent; /* host NULL: the daemon was not asked */
    /* KMS_OUTCOME_NONE: not asked for. With the daemon it may be of its source activation. */
    struct kms_result report;
    struct kms_result wsman;
    const struct kms_result *result; /* what decides: the highest of them that told something */
    bool disowned;                   /* Windows says that it is no KMS host */
    struct kms_windows *windows;     /* NULL: the check keeps none */
    bool windows_kept;               /* the next run will find them */
    struct kms_judgement judgement;
    bool judged;
    struct kms_output out;
};

struct kms_check_type {
    const char *name;    /* of the program */
    const char *purpose; /* for --help, one line */
    unsigned parts;      /* KMS_CHECK_... */
    const char *metric;  /* what -w and -c are about, for --help */
    const char *note;    /* one or two more lines of --help, NULL: none */
    /* Changes the policy after the options were read, and again when the daemon told its own; NULL:
     * nothing to change. */
    void (*prepare)(struct kms_check *check);
    /* Called when there are facts: fills check->out and gives the state. */
    enum kms_state (*show)(struct kms_check *check);
};

/* The whole program; returns the exit code. */
int kms_check_main(const struct kms_check_type *type, int argc, char **argv);

/* Whether -w or -c was given: then they stand in the place of the default thresholds. */
bool kms_check_ranged(const struct kms_check *check);
/* -c first, then -w. */
enum kms_state kms_check_range_state(const struct kms_check *check, double value);

#endif
