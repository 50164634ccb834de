/* The running parts of the daemon, and what those who open them share: for agent/program*.c
 * alone, and for who runs the program. */
#ifndef KMS_AGENT_PROGRAM_PARTS_H
#define KMS_AGENT_PROGRAM_PARTS_H

#include <stdbool.h>

#include "agent/agentx.h"
#include "agent/alarms.h"
#include "agent/control_service.h"
#include "agent/domains.h"
#include "agent/keeper.h"
#include "agent/memories.h"
#include "agent/mib.h"
#include "agent/notify.h"
#include "agent/numbers.h"
#include "agent/options.h"
#include "agent/play.h"
#include "agent/renewal.h"
#include "agent/resolvers.h"
#include "agent/scheduler.h"
#include "agent/simulation.h"
#include "agent/site.h"
#include "base/bytes.h"
#include "base/log.h"
#include "model/board.h"
#include "probe/probe.h"
#include "probe/worker.h"

#define KMS_PROGRAM_GRACE_MS 500 /* for reads and writes that run when the program ends */

/* In the order in which they are opened. NULL: not yet, or not any more. */
struct kms_program {
    const struct kms_options *options;
    struct kms_site *site;
    bool config_absent;                      /* at the start */
    const struct kms_simulation *simulation; /* NULL: hosts are asked */
    struct kms_log log;
    /* what outlives the process: agent/program_store.c */
    int state_lock; /* -1: not locked */
    struct kms_buf store_path, index_path;
    /* the loop and who works beside it */
    struct kms_quick_clock quick;
    struct kms_play *play;
    struct kms_env env;
    struct kms_worker *store_worker; /* its own: files on mounts that hang keep no record waiting */
    /* agent/program_store.c again */
    struct kms_keeper *keeper;
    struct kms_numbers *numbers;
    struct kms_memories *memories;
    /* who is asked: agent/program_hosts.c */
    struct kms_resolvers *resolvers_before; /* what a reload replaced */
    struct kms_board *board;
    const struct kms_probe_type *types[5]; /* ended by NULL */
    struct kms_scheduler *scheduler;
    struct kms_domains *domains;
    /* who is told: agent/program_snmp.c */
    struct kms_agent_alarms *alarms;
    struct kms_agent_facts facts;
    struct kms_mib *mib;
    struct kms_agentx *agentx;
    struct kms_notify *notify;
    /* who may ask, and change something */
    struct kms_renewal *renewal;
    struct kms_control_parts control_parts;
    struct kms_control_service *control;
};

/* Says so in the log; false. */
bool kms_program_no_memory(const struct kms_program *program);

#endif
