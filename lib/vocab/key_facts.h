/* What a host key's own facts tell beyond themselves, the same for every source, so that a key of a
 * report and one of WS-Management become one. */
#ifndef KMS_VOCAB_KEY_FACTS_H
#define KMS_VOCAB_KEY_FACTS_H

#include "vocab/facts.h"

/* Adds to a key what it lacks: its application by its description, its name by channel and ePID;
 * to the host, unless it knows better, the build in the ePID. KMS_ENOMEM. */
enum kms_status kms_key_facts_complete(struct kms_facts *key, struct kms_facts *host);

#endif
