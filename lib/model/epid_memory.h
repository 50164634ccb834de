/* The ePIDs that each source last gave of a host, so that a host key that was exchanged is noticed.
 */
#ifndef KMS_MODEL_EPID_MEMORY_H
#define KMS_MODEL_EPID_MEMORY_H

#include "model/judge.h"

#define KMS_EPID_SIZE       64                      /* an ePID takes 50 */
#define KMS_EPID_CHANGE_FOR (INT64_C(24) * 60 * 60) /* seconds that a change is told */

struct kms_epid_entry {
    enum kms_source source;
    enum kms_application application;
    char epid[KMS_EPID_SIZE];
};

/* {0} remembers nothing. */
struct kms_epid_memory {
    struct kms_epid_entry *entry; /* heap */
    size_t count;
    bool is_changed;
    enum kms_application application;
    char was[KMS_EPID_SIZE], is[KMS_EPID_SIZE];
    int64_t changed_s;
};

/* Takes the ePIDs of a good result. It is a change when one of an application is gone and another
 * has come: a report that shows fewer or more keys than the one before is none. An ePID with a part
 * blacked out says too little to compare. KMS_ENOMEM leaves the memory as it was. Times are of the
 * steady clock (struct kms_now): who sets the wall clock makes no change younger. */
enum kms_status kms_epid_memory_add(struct kms_epid_memory *memory, const struct kms_result *result,
                                    int64_t steady_s);
/* The latest change while it is younger than a day, with texts owned by the memory. */
bool kms_epid_memory_change(const struct kms_epid_memory *memory, int64_t steady_s,
                            struct kms_epid_change *ret);
void kms_epid_memory_done(struct kms_epid_memory *memory);

#endif
