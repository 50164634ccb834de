/* What the options of all plugins have in common: words that they take, ranges, and mistakes. */
#ifndef KMS_CHECKS_ARGUMENTS_H
#define KMS_CHECKS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/opt.h"
#include "range.h"

extern const struct kms_opt_choice kms_state_choices[]; /* enum kms_state */
extern const struct kms_opt_choice kms_class_choices[]; /* enum kms_class */

/* Each false: why, of size bytes, says what is wrong. */

/* Sets options to their presets, and to what argv says. ret_rest: the first argument that is no
 * option. */
bool kms_arguments_read(const struct kms_opt *rows, int argc, char **argv, void *options,
                        int *ret_rest, char *why, size_t size);
/* A plugin takes options alone; instead says what was likely meant, unless agent, the value of
 * --agent, was left out: NULL: it was not given. */
bool kms_arguments_end(int argc, char **argv, int rest, const char *agent, const char *instead,
                       char *why, size_t size);
/* text NULL: no range was given, and ret stays as it is. */
bool kms_arguments_range(const char *option, const char *text, struct kms_range *ret, char *why,
                         size_t size);

#endif
