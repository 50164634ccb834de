/* One line to stderr, syslog or a test. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static const int priorities[] = {
    [KMS_LOG_ERROR] = LOG_ERR,
    [KMS_LOG_WARNING] = LOG_WARNING,
    [KMS_LOG_INFO] = LOG_INFO,
    [KMS_LOG_DEBUG] = LOG_DEBUG,
};

struct kms_log kms_log_stderr(enum kms_log_level level)
{
    return (struct kms_log){.kind = KMS_LOG_TO_STDERR, .level = level};
}

struct kms_log kms_log_syslog(const char *ident, enum kms_log_level level)
{
    openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
    return (struct kms_log){.kind = KMS_LOG_TO_SYSLOG, .level = level};
}

static void write_stderr(enum kms_log_level level, const char *line)
{
    /* The journal stamps the time itself and reads the priority from the prefix: sd-daemon(3). */
    if (getenv("JOURNAL_STREAM")) {
        (void)fprintf(stderr, "<%d>%s\n", priorities[level], line);
        return;
    }
    struct kms_clock clock = kms_clock_system();
    char when[32];
    kms_date_text(when, sizeof when, kms_clock_wall_s(&clock));
    (void)fprintf(stderr, "%sZ %s\n", when, line);
}

void kms_log_write(const struct kms_log *log, enum kms_log_level level, const char *format, ...)
{
    if (!log || level > log->level) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    kms_text_vformat(line, sizeof line, format, args);
    va_end(args);
    switch (log->kind) {
    case KMS_LOG_TO_STDERR:
        write_stderr(level, line);
        break;
    case KMS_LOG_TO_SYSLOG:
        syslog(priorities[level], "%s", line);
        break;
    case KMS_LOG_TO_CALLBACK:
        log->callback(log->arg, level, line);
        break;
    }
}
