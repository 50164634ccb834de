/* Who the monitor is to a KMS host: the one client machine id of this installation, and the name
 * under which its requests stand in the host's log. */
#ifndef KMS_RPC_IDENTITY_H
#define KMS_RPC_IDENTITY_H

#include <stdbool.h>

#include "base/guid.h"
#include "base/status.h"
#include "rpc/ask.h"

/* The client machine id (CMID) in STATE/cmid. It is made once; every new one would take another
 * place in the host's table for 30 days, so a file that is there is never replaced: one that cannot
 * be read, is no GUID or may be read by others is refused, and the fault names the file and the
 * next step. Processes that make it at the same time end with the same one. Everything in the state
 * directory belongs to its owner alone (mode 0600): any other user is refused, root too. Blocks on
 * the disk: call it at start-up or from a worker. */
enum kms_status kms_identity_open(const char *state_dir, struct kms_guid *ret_cmid,
                                  struct kms_fault *fault);
/* Only reads: KMS_ENOTFOUND when there is none yet. */
enum kms_status kms_identity_read(const char *state_dir, struct kms_guid *ret_cmid,
                                  struct kms_fault *fault);
/* What a new file holds: the same for every state directory and every user of a machine, so that
 * one that was lost, or is another at every call, adds no client to a host. machine_id is the text
 * of /etc/machine-id, which does not show in the result; false when it is none. */
bool kms_identity_of_machine(const char *machine_id, struct kms_guid *ret);
/* Whether the state directory is there, belongs to this user and is written by nobody else; else
 * why not, and what to do. Others may enter and list it, as with the 0755 that the packages give
 * it. */
enum kms_status kms_identity_folder(const char *state_dir, struct kms_fault *fault);

#define KMS_WORKSTATION_SIZE (KMS_WORKSTATION_UNITS + 1)

/* "kms-monitor.<fqdn>", ASCII. domain is the resolver's search domain, for a host name without a
 * dot; NULL: there is none. Cut at KMS_WORKSTATION_UNITS. */
void kms_workstation(const char *domain, char ret[KMS_WORKSTATION_SIZE]);
/* The same of a given host name. */
void kms_workstation_of(const char *host, const char *domain, char ret[KMS_WORKSTATION_SIZE]);

#endif
