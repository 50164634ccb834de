/* Prints every query as "tier number, query number, WQL", for check-queries. */
#include <stdio.h>

#include "wsman/query.h"

int main(void)
{
    for (int tier = KMS_WSMAN_TIER_60; tier <= KMS_WSMAN_TIER_63; tier++) {
        for (int query = 0; query < KMS_WSMAN_Q_COUNT; query++) {
            (void)printf("%d %d %s\n", tier, query,
                         kms_wsman_query((enum kms_wsman_query)query, (enum kms_wsman_tier)tier));
        }
    }
    return 0;
}
