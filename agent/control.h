/* The control socket: people and plugins of this machine ask the daemon, one JSON object a line. */
#ifndef KMS_AGENT_CONTROL_H
#define KMS_AGENT_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "agent/control_peer.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/status.h"

#define KMS_CONTROL_CONNECTIONS_MAX 64
#define KMS_CONTROL_REQUEST_MAX     ((size_t)64 << 10)
#define KMS_CONTROL_AHEAD           ((size_t)32 << 10) /* rendered before the peer took it */
#define KMS_CONTROL_SLICE_US        500                /* of rendering in one turn of the loop */
#define KMS_CONTROL_IDLE_MS         30000 /* without a request, or without taking the answer */

struct kms_agent_alarms;
struct kms_agent_facts;
struct kms_agentx;
struct kms_board;
struct kms_control_command;
struct kms_keeper;
struct kms_reload;
struct kms_scheduler;
struct kms_site;
struct kms_zones;

/* What the commands are about. NULL: the program has none. Read at each request, so that what it
 * points to may be replaced. */
struct kms_control_parts {
    struct kms_loop *loop;
    const struct kms_site *site;
    const char *config; /* path of the configuration; NULL: there is none */
    const struct kms_clock *clock;
    const struct kms_agent_facts *facts;
    const struct kms_board *board;
    const struct kms_zones *zones;
    struct kms_scheduler *scheduler;
    const struct kms_agentx *agentx;
    const struct kms_agent_alarms *alarms;
    struct kms_keeper *keeper;
    struct kms_reload *reload;
};

struct kms_control_config {
    struct kms_loop *loop;
    const struct kms_log *log;
    const struct kms_control_parts *parts;
    const struct kms_control_command *const *commands; /* ended by NULL */
    struct kms_control_access access;
    int listening;      /* taken; see kms_control_socket_open */
    int64_t idle_ms;    /* 0: KMS_CONTROL_IDLE_MS */
    size_t send_buffer; /* of the kernel for each connection; 0: its own choice */
};

struct kms_control;

/* What config points to must live until kms_control_close. NULL: out of memory; the socket is the
 * caller's then. */
struct kms_control *kms_control_open(const struct kms_control_config *config);
/* Ends all calls; before the parts are freed. The file of the socket stays. NULL is fine. */
void kms_control_close(struct kms_control *control);

size_t kms_control_connections(const struct kms_control *control);

#endif
