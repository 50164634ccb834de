/* Every command of the control socket. */
#include <stddef.h>

#include "agent/control_command.h"

static const struct kms_control_command *const commands[] = {
    &kms_control_status,  &kms_control_show,      &kms_control_facts,
    &kms_control_lookup,  &kms_control_probe_now, &kms_control_dump,
    &kms_control_history, &kms_control_reload,    NULL,
};

const struct kms_control_command *const *kms_control_commands(void)
{
    return commands;
}
