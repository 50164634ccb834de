/* A Net-SNMP transport to a master agent that does not wait long for the other side to accept. */
#ifndef KMS_AGENT_AGENTX_UNIX_H
#define KMS_AGENT_AGENTX_UNIX_H

#include <stdbool.h>

/* The word before the first colon in a transport address: "kmsunix:/run/agentx/master", and over
 * TCP "kmsunix:tcp:HOST:PORT" and "kmsunix:tcp6:[ADDRESS]:PORT". */
#define KMS_AGENTX_UNIX_PREFIX "kmsunix"

/* Told what every attempt to connect came to: 0 or an errno. */
typedef void kms_agentx_tried_fn(void *arg, int error);

/* Makes the transport known to Net-SNMP until its shutdown. False when memory ran out. */
bool kms_agentx_unix_register(kms_agentx_tried_fn *tried, void *arg);
/* A connection outlives the name of its socket: when another master listens at the path now, and
 * takes connections, this hangs up, so that Net-SNMP connects to that one. True when it did. */
bool kms_agentx_unix_follow(void);
/* No report any more. */
void kms_agentx_unix_forget(void);

#endif
