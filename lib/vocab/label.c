/* slmgr's labels, from data/slmgr-labels.csv. */
#include "vocab/label.h"

#include "base/text.h"

static const struct kms_label rows[] = {
#include "labels.inc"
};

const struct kms_label *kms_labels(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(rows);
    return rows;
}
