/* Asks the daemon of this machine what it knows of a host, for checks that answer from its last
 * poll. */
#ifndef KMS_CHECKS_AGENT_H
#define KMS_CHECKS_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/policy.h"
#include "model/recording.h"
#include "model/window.h"

#define KMS_AGENT_LATE_NEXT \
    "look at 'kmsmon status' and into the log of kmsmond: it is too busy, or stopped"

enum kms_agent_end {
    KMS_AGENT_TOLD,
    KMS_AGENT_LATE,      /* no whole answer within the time limit */
    KMS_AGENT_CANNOT,    /* nobody to ask, or it does not tell: see why */
    KMS_AGENT_NO_MEMORY, /* our own */
};

/* What the daemon said. */
struct kms_agent {
    struct kms_recording recording;       /* of one host */
    const struct kms_recorded_host *host; /* that one; NULL: nothing was told */
    struct kms_window *window;            /* one for each of the host's, read */
    struct kms_now now; /* on the daemon's clock, which another one of a simulation is */
    int64_t interval_s; /* of sources without one of their own */
    int64_t back_off;   /* intervals between two polls of what is silent, at most; 0: not told */
    bool simulated;     /* it plays a recording */
    struct kms_policy policy;            /* the numbers it judges by ... */
    bool policy_told[KMS_POLICY_PLACES]; /* ... and which of them it told, by kms_policy_place */
    char why[400];                       /* KMS_AGENT_CANNOT: the cause */
    char next[300];                      /* and what to do */
};

/* Asks for a host by name or address; socket "": the usual ones. time_ms is the limit for all of
 * it. What it gives is to be freed with kms_agent_done, whatever the end. */
enum kms_agent_end kms_agent_ask(struct kms_agent *agent, const char *socket, const char *host,
                                 int64_t time_ms);
/* The same for the last lookup of a domain, whose lines text gets. */
enum kms_agent_end kms_agent_ask_domain(struct kms_agent *agent, const char *socket,
                                        const char *domain, int64_t time_ms, struct kms_buf *text);
void kms_agent_done(struct kms_agent *agent);

/* The last result of a source, moved to the caller, who frees it. False, and why and next say it:
 * the source is not asked there, was not asked yet, or was asked too long ago to be believed: three
 * intervals and a minute, and for a failure the time that failing sources are left alone. */
bool kms_agent_take(struct kms_agent *agent, enum kms_source source, struct kms_result *ret);
/* How old data of a source may be by the daemon's configuration; 0: it has no limit, or told none.
 */
int64_t kms_agent_max_age_ms(const struct kms_agent *agent, enum kms_source source);
/* The daemon's numbers in the place of those that no option gave; given is by kms_policy_place,
 * NULL: none. */
void kms_agent_policy(const struct kms_agent *agent, const bool *given, struct kms_policy *policy);
/* Whether something that was done age_s seconds ago should have been done again since: three
 * intervals and a minute. */
bool kms_agent_overdue(int64_t age_s, int64_t interval_s);
/* "polled by kmsmond 35 s ago", behind a word of warning when it is a simulation. */
void kms_agent_age(const struct kms_agent *agent, const struct kms_result *result, char *dst,
                   size_t size);
/* The request window of a key as struct kms_evidence wants it: arg is the struct kms_agent. */
const struct kms_window *kms_agent_window(void *arg, const char *identity);

#endif
