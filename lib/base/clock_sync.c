/* Asks the kernel whether its clock is disciplined. */
#include "base/clock_sync.h"

#include <stddef.h>

#include <sys/timex.h>

enum kms_clock_sync kms_clock_sync(void)
{
    struct timex now = {.modes = 0};
    int state = ntp_adjtime(&now);
    if (state < 0) {
        return KMS_CLOCK_SYNC_UNKNOWN;
    }
    return state == TIME_ERROR || (now.status & STA_UNSYNC) != 0 ? KMS_CLOCK_SYNC_NO
                                                                 : KMS_CLOCK_SYNC_YES;
}
