/* What every plugin prints the same way: its result, a mistake in its usage, its help and version.
 */
#ifndef KMS_CHECKS_SAY_H
#define KMS_CHECKS_SAY_H

#include "base/opt.h"
#include "output.h"

struct kms_plugin {
    const char *name;    /* of the program */
    const char *purpose; /* one line */
    const char *usage;   /* behind the name; further lines are indented */
    const char *note;    /* lines between the options and the exit codes */
};

/* Each prints once and gives the exit code: UNKNOWN too when the text could not be written. */
int kms_say_result(const struct kms_output *out, enum kms_state state);
int kms_say_no_memory(void);
int kms_say_mistake(const struct kms_plugin *plugin, const char *message);
int kms_say_help(const struct kms_plugin *plugin, const struct kms_opt *rows);
int kms_say_version(const struct kms_plugin *plugin);

#endif
