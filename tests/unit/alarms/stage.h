/* A board, domains, a store in memory and somebody who is told: what the alarms of an agent live
 * among. */
#ifndef TESTS_ALARMS_STAGE_H
#define TESTS_ALARMS_STAGE_H

#include "agent/alarms.h"

#define STAGE_START   1400000000
#define STAGE_WINDOWS "55c92734-d682-4d71-983e-d6ec3f16059f"
#define STAGE_OFFICE  "0ff1ce15-a989-479d-af46-f275c6370663"

struct stage_record {
    enum kms_store_kind kind;
    char name[64];
    char *bytes;
    size_t len;
};

struct stage_told {
    uint64_t notice;
    struct kms_alarm_news news;
};

struct stage {
    int64_t now_us;
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_log log;
    struct kms_policy policy;
    struct kms_board *board;
    struct kms_zones *zones;
    struct kms_agent_alarms_policy rules;
    bool silent;
    bool without_reports; /* hosts that are added from now on */
    struct kms_agent_alarms *alarms;
    /* the store */
    struct stage_record record[256];
    size_t record_count;
    kms_keeper_done_fn *flushed; /* NULL: nobody waits */
    void *flushed_arg;
    bool holds;               /* flushes wait for stage_flush */
    int64_t patience_us;      /* with them; 0: the usual */
    enum kms_status flushing; /* what becomes of them */
    /* who is told */
    struct stage_told told[256];
    size_t told_count;
    enum kms_status sending;
    size_t lines; /* of the log, warnings and worse */
    char line[512];
};

/* A stage with the hosts "kms1" (rpc, report and wsman, relying on both Windows classes) and the
 * domain example.com, where the site lists its hosts; the alarms are open, with confirm 2. */
struct stage *stage_open(void);
void stage_close(struct stage *stage);

/* The next process: the board is empty of results, the store is what it was. */
void stage_start(struct stage *stage);
void stage_stop(struct stage *stage);
/* Hands the alarms somebody who tells, or nobody. */
void stage_tell(struct stage *stage, bool told);

size_t stage_add_host(struct stage *stage, const char *name, uint32_t classes);
/* Bind probes and reports; a second goes by with each. */
void stage_bind(struct stage *stage, size_t slot, enum kms_rpc_state state);
void stage_publish(struct stage *stage, size_t slot, const struct kms_result *result);
/* Asks the host for something else from now on, as a reload does: what a source that is gone told
 * goes with it. sources are KMS_BIT(KMS_SOURCE_...). */
void stage_retarget(struct stage *stage, size_t slot, const char *name, uint32_t sources,
                    uint32_t classes);
/* A report of a Windows key with this count, status and counters. */
void stage_report(struct stage *stage, size_t slot, int64_t count, int64_t license);
/* A source that failed. */
void stage_fail(struct stage *stage, size_t slot, enum kms_source source, enum kms_outcome outcome);

/* The flush that is held ends. */
void stage_flush(struct stage *stage);
/* Lets the loop run until so many were told, a bounded number of times. */
void stage_wait_told(struct stage *stage, size_t count);
size_t stage_records(const struct stage *stage, enum kms_store_kind kind);

/* Raised ones of this type; the last of them. */
size_t stage_raised(const struct stage *stage, enum kms_alarm_type type,
                    const struct kms_alarm_view **ret);

#endif
