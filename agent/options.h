/* The command line of kmsmond as option rows. */
#ifndef KMS_AGENT_OPTIONS_H
#define KMS_AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"

struct kms_options {
    char *config;
    bool config_given;
    bool check;     /* -t */
    bool list_keys; /* --list-keys */
    bool detach;    /* -d */
    char *pid_file;
    char *user; /* to become; NULL: as the configuration says */
    char *group;
    bool standalone; /* addresses to listen at may follow the options */
    char *simulate;  /* --simulate FILE; the next three go with it */
    int64_t speed;
    char *state_dir; /* NULL: one that is made and removed */
    char *agentx;    /* NULL: it answers SNMP itself */
    int64_t verbose;
    bool version;
    bool help;
    /* Behind the options, of argv: places to listen at. */
    char **address;
    size_t address_count;
};

/* Rows over struct kms_options, ended by KMS_OPT_END. */
const struct kms_opt *kms_options_rows(void);

#endif
