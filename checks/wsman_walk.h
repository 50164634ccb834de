/* Walks to a host's licensing classes over WS-Management, stage by stage, to tell where it ends. */
#ifndef KMS_CHECKS_WSMAN_WALK_H
#define KMS_CHECKS_WSMAN_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"
#include "vocab/vocab.h"

enum kms_walk_stage {
    KMS_WALK_DNS,
    KMS_WALK_TCP,
    KMS_WALK_TLS,
    KMS_WALK_HTTP,
    KMS_WALK_AUTHENTICATION,
    KMS_WALK_AUTHORISATION,
    KMS_WALK_NAMESPACE,
    KMS_WALK_SERVICES, /* the service manager: the monitor can do without */
    KMS_WALK_PROVIDER,
    KMS_WALK_STAGES
};

enum kms_walk_state { KMS_WALK_NOT_TRIED, KMS_WALK_OK, KMS_WALK_FAILED };

/* What is true of the attempt and makes some causes likelier than others, as bits. */
enum {
    KMS_WALK_TLS_USED = 1,
    KMS_WALK_PLAIN = 2,
    KMS_WALK_BASIC = 4,
    KMS_WALK_KERBEROS = 8, /* it may be used: negotiate too */
    KMS_WALK_NTLM = 16,    /* the same */
    KMS_WALK_CERTIFICATE = 32,
    KMS_WALK_BY_ADDRESS = 64,  /* the host is named by an IP address */
    KMS_WALK_CLOCK = 128,      /* the clocks differ by more than Kerberos allows */
    KMS_WALK_LOCAL_USER = 256, /* the user's name has no domain */
    KMS_WALK_PINNED = 512,
};

#define KMS_WALK_FIGURES_MAX 8

struct kms_walk_figure {
    const char *name;
    char value[320];
};

struct kms_walk_result {
    enum kms_walk_state state;
    enum kms_outcome outcome; /* when it failed */
    const char *meaning;      /* the outcome's, or one that fits better; NULL: it did not fail */
    char detail[KMS_DETAIL_SIZE];
    struct kms_walk_figure figure[KMS_WALK_FIGURES_MAX];
    size_t figure_count;
};

struct kms_walk {
    struct kms_walk_result stage[KMS_WALK_STAGES];
    unsigned circumstances;
    int64_t port;
    char host[256]; /* that the url names */
};

/* The word of a stage: "DNS", "service-manager". */
const char *kms_walk_word(enum kms_walk_stage stage);

/* Runs the loop until it is done. env: clock, loop, http, logins and resolver. KMS_ENOMEM. */
enum kms_status kms_walk_run(struct kms_env *env, const struct kms_target *target,
                             struct kms_walk *ret);
bool kms_walk_good(const struct kms_walk *walk);

#endif
