/* The daemon behind kmsmond's command line. */
#ifndef KMS_AGENT_DAEMON_H
#define KMS_AGENT_DAEMON_H

#include <stdbool.h>

#include "agent/options.h"
#include "agent/simulation.h"
#include "agent/site.h"

/* Watches until a signal asks it to end; returns the exit code. site stays the caller's to free.
 * simulation NULL: hosts are asked. */
int kms_daemon_run(const struct kms_options *options, struct kms_site *site, bool config_absent,
                   const struct kms_simulation *simulation);

#endif
