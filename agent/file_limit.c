/* The soft limit of open files, raised to the hard one. */
#include "agent/file_limit.h"

#include <sys/resource.h>

#define LIMIT_MAX    65536 /* beyond it only tables in the kernel grow */
#define LIMIT_PRESET 1024
#define OTHERS       256 /* master agent, name servers, reports, transfers, activation requests */
/* Of a bind, and of a conversation over WS-Management beside it: an IPv6 and an IPv4 address are
 * tried side by side. */
#define FILES_OF_PROBE 4

size_t kms_file_limit_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return LIMIT_PRESET;
    }
    rlim_t wanted = limit.rlim_max < LIMIT_MAX ? limit.rlim_max : LIMIT_MAX;
    if (limit.rlim_cur < wanted) {
        struct rlimit raised = {.rlim_cur = wanted, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    return limit.rlim_cur < LIMIT_MAX ? (size_t)limit.rlim_cur : LIMIT_MAX;
}

size_t kms_file_limit_probes(size_t limit)
{
    return limit > OTHERS + FILES_OF_PROBE ? (limit - OTHERS) / FILES_OF_PROBE : 1;
}
