/* A daemon that plays a recording: the hosts and domains of the recording stand in the place of
 * those of the site, nothing is asked over the network, and what it keeps is kept apart. */
#ifndef KMS_AGENT_SIMULATION_H
#define KMS_AGENT_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/options.h"
#include "agent/site.h"
#include "base/status.h"
#include "model/recording.h"

/* Where it answers SNMP unless told otherwise: not where an agent that watches does. */
#define KMS_SIMULATION_LISTEN   "udp:127.0.0.1:16161"
#define KMS_SIMULATION_FILE_MAX ((size_t)64 << 20)

struct kms_simulation {
    struct kms_recording recording;
    int64_t speed;   /* time runs so many times as fast */
    char *state_dir; /* made for it and to be removed; NULL: the user's */
};

/* Reads the file of options->simulate ("-": standard input) and changes the site to play it:
 *
 * - its hosts are those of the recording, each with the settings of the site's host of the same
 *   name, if there is one; a source is asked when the recording has it;
 * - its domains are those of the recording, each with what the site wants of the domain of the same
 *   name, if it has one; no name server is asked, no credentials are used;
 * - the state folder is options->state_dir, which is not the site's, or one that is made and
 *   removed; the control socket is "control" in it;
 * - it is the guest of options->agentx, or else answers SNMP itself.
 *
 * On failure the fault says why, with file and line. */
enum kms_status kms_simulation_open(const struct kms_options *options, struct kms_site *site,
                                    struct kms_simulation *ret, struct kms_fault *fault);
/* Removes what was made. A zeroed one is fine. */
void kms_simulation_done(struct kms_simulation *simulation);

#endif
