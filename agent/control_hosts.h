/* Which hosts a request is about: those that it names, or all; found a name at a time. */
#ifndef KMS_AGENT_CONTROL_HOSTS_H
#define KMS_AGENT_CONTROL_HOSTS_H

#include "agent/control_command.h"
#include "model/board.h"

/* {0} is none yet. */
struct kms_control_hosts {
    const struct json_t *names; /* of the request; NULL: all hosts */
    const char *single;         /* the same for one */
    size_t named;               /* how many */
    struct kms_control_host *found;
    size_t found_count;
    size_t at; /* the next to be given */
};
struct kms_control_host {
    size_t slot;
    uint32_t index; /* its number: another host may have the slot later */
};

/* Reads the members host (a text) and hosts (an array of texts) of the request. False: the call has
 * failed. */
bool kms_control_hosts_begin(struct kms_control_hosts *hosts, struct kms_control_call *call);
void kms_control_hosts_done(struct kms_control_hosts *hosts);
static inline bool kms_control_hosts_are_all(const struct kms_control_hosts *hosts)
{
    return hosts->named == 0;
}

/* Finds the next of the names: a host's name, its address, or the first label of its name where no
 * other host begins so. A step's worth of work. *ret_all: no name is left. False: the call has
 * failed, since there is no such host. */
bool kms_control_hosts_find(struct kms_control_hosts *hosts, struct kms_control_call *call,
                            bool *ret_all);

/* Whether the next of the names means any host; *ret_whole: and is the whole name of it. A step's
 * worth of work. */
bool kms_control_hosts_is_watched(const struct kms_control_hosts *hosts,
                                  struct kms_control_call *call, bool *ret_whole);
/* The next of the names, cleaned. */
void kms_control_hosts_name(const struct kms_control_hosts *hosts, char *dst, size_t size);

/* The next host, in the order of the request, or of the board; those that left the board meanwhile
 * are left out. NULL: no host is left. */
const struct kms_snapshot *kms_control_hosts_next(struct kms_control_hosts *hosts,
                                                  const struct kms_board *board, size_t *ret_slot);

#endif
