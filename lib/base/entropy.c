/* Random bytes from the kernel. */
#include "base/entropy.h"

#include <errno.h>
#include <stdint.h>

#include <sys/random.h>

bool kms_entropy(void *bytes, size_t len)
{
    uint8_t *at = bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        len -= (size_t)got;
    }
    return true;
}
