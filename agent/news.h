/* The log lines about hosts: what a source met and what became of the host's state. */
#ifndef KMS_AGENT_NEWS_H
#define KMS_AGENT_NEWS_H

#include "base/log.h"
#include "model/board.h"

/* What a source met at a host. The same once more is for debugging only. */
void kms_news_outcome(const struct kms_log *log, const char *source,
                      const struct kms_snapshot *snapshot, const struct kms_result *result,
                      const struct kms_change *change);
/* The host's state after a publish or a tick that changed it. Nothing is written when it is what it
 * was, unless a source spoke of the host for the first time: that is news too. */
void kms_news_state(const struct kms_log *log, const struct kms_snapshot *snapshot,
                    const struct kms_change *change);
/* Another host on the board answers from the same address and port, and is asked for activations
 * there too, under another address: both have an interval of their own. The line names the later
 * one on the board first, whichever of them is in slot. True when it was written. */
bool kms_news_same_host(const struct kms_log *log, const struct kms_board *board, size_t slot,
                        size_t *ret_other);

#endif
