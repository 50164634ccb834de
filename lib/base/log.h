/* Where the programs' messages go: a sink that main() opens and hands down. Libraries do not log.
 */
#ifndef KMS_BASE_LOG_H
#define KMS_BASE_LOG_H

#include <stdbool.h>

enum kms_log_level { KMS_LOG_ERROR = 1, KMS_LOG_WARNING, KMS_LOG_INFO, KMS_LOG_DEBUG };

enum kms_log_kind {
    KMS_LOG_TO_STDERR,  /* with a time stamp on a terminal, with <N> prefixes under systemd */
    KMS_LOG_TO_SYSLOG,  /* facility daemon */
    KMS_LOG_TO_CALLBACK /* tests */
};

struct kms_log {
    enum kms_log_kind kind;
    enum kms_log_level level; /* messages above it are dropped */
    void (*callback)(void *arg, enum kms_log_level level, const char *line);
    void *arg;
};

struct kms_log kms_log_stderr(enum kms_log_level level);
/* ident must live as long as the log. */
struct kms_log kms_log_syslog(const char *ident, enum kms_log_level level);

/* One line, without a newline at its end: subsystem token, subject, what changed
 * ("report kms1: report-missing (was ok)"). Text from outside must be cleaned and quoted by the
 * caller. */
void kms_log_write(const struct kms_log *log, enum kms_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
