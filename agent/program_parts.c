/* What those share who open the parts of the daemon. */
#include "agent/program_parts.h"

bool kms_program_no_memory(const struct kms_program *p)
{
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: out of memory");
    return false;
}
