/* The log lines about hosts: what a source met and what became of the host's state. */
#ifndef KMS_AGENT_NEWS_H
#define KMS_AGENT_NEWS_H

#include <stdbool.h>

#include "base/log.h"
#include "model/board.h"

/* What a source met at a host. The same once more is for debugging only. */
void kms_news_outcome(const struct kms_log *log, const char *source,
                      const struct kms_snapshot *snapshot, const struct kms_result *result,
                      const struct kms_change *change);
/* The host's state. Nothing is written when it is what it was, unless it was never judged before:
 * the first judgement is news too. */
void kms_news_state(const struct kms_log *log, const struct kms_snapshot *snapshot,
                    const struct kms_change *change, bool first);

#endif
