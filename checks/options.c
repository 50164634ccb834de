/* Puts a check's option table together: the common rows, and those of the policy that concern it.
 */
#include "options.h"

#include <stddef.h>

#include "arguments.h"
#include "frame.h"

#define AT(member) offsetof(struct kms_check_options, member)

#define ROW(long_name, letter, kind, member)                                            \
    .long_opt = (long_name), .key = (long_name), .short_opt = (letter), .type = (kind), \
    .offset = AT(member), .given_offset = KMS_OPT_NO_GIVEN

/* given_offset is set twice where it is wanted; the second one counts. */
static const struct kms_opt target_rows[] = {
    {ROW("report", 'r', KMS_OPT_TEXT, report), .arg = "FILE|-|URL",
     .help = "text of slmgr.vbs /dlv; -: standard input"},
    {ROW("hostname", 'H', KMS_OPT_TEXT, host), .arg = "NAME", .help = "name of the KMS host"},
    {.long_opt = "agent",
     .key = "agent",
     .type = KMS_OPT_TEXT,
     .offset = AT(agent),
     .given_offset = AT(agent_given),
     .alone = "",
     .arg = "SOCKET",
     .help = "answer from kmsmond's last poll of the host"},
    {ROW("wsman", 0, KMS_OPT_FLAG, wsman),
     .help = "ask the host itself over WS-Management, up to 45s"},
    {ROW("wsman-url", 0, KMS_OPT_TEXT, wsman_url), .arg = "URL",
     .help = "of its listener (default: https://NAME:5986/wsman)"},
    {ROW("credentials", 0, KMS_OPT_TEXT, credentials_file), .arg = "FILE",
     .help = "who asks it: a credentials block"},
    {ROW("pin", 0, KMS_OPT_TEXT, pin), .arg = "HEX",
     .help = "SHA-256 of the listener's public key"},
    {.long_opt = "port",
     .key = "port",
     .short_opt = 'p',
     .type = KMS_OPT_PORT,
     .offset = AT(port),
     .given_offset = AT(port_given),
     .preset = "1688",
     .arg = "PORT",
     .help = "clients' port; warns on another one"},
    {ROW("classes", 0, KMS_OPT_SET, classes), .choices = kms_class_choices, .arg = "LIST",
     .help = "classes the site relies on: client,server,office2010,office"},
    {.long_opt = "max-age",
     .key = "max-age",
     .type = KMS_OPT_DURATION,
     .offset = AT(max_age_ms),
     .given_offset = AT(max_age_given),
     .arg = "TIME",
     .help = "older data is UNKNOWN, e.g. 26h; 0: no limit"},
    {ROW("max-size", 0, KMS_OPT_BYTES, size_max), .min = 1024, .max = INT64_C(1) << 30,
     .preset = "8M", .arg = "SIZE", .help = "a larger report is an error"},
    {ROW("ca-file", 0, KMS_OPT_TEXT, ca_file), .arg = "FILE",
     .help = "CA certificates for https, PEM"},
    {ROW("warning", 'w', KMS_OPT_TEXT, warning_text), .arg = "RANGE",
     .help = "warning when outside of RANGE"},
    {ROW("critical", 'c', KMS_OPT_TEXT, critical_text), .arg = "RANGE",
     .help = "critical when outside of RANGE"},
    KMS_OPT_END,
};

static const struct kms_opt state_rows[] = {
    {.long_opt = "state-dir",
     .key = "state-dir",
     .type = KMS_OPT_TEXT,
     .offset = AT(state_dir),
     .given_offset = AT(state_dir_given),
     .preset = KMSMON_PLUGIN_STATE_DIR,
     .arg = "DIR",
     .help = "folder for what is kept between two runs"},
    KMS_OPT_END,
};

static const struct kms_opt general_rows[] = {
    {.long_opt = "timeout",
     .key = "timeout",
     .short_opt = 't',
     .type = KMS_OPT_DURATION,
     .offset = AT(timeout_ms),
     .given_offset = AT(timeout_given),
     .min = 100,
     .max = 3600000,
     .preset = "10s",
     .arg = "TIME",
     .help = "give up after this long"},
    {ROW("timeout-state", 0, KMS_OPT_CHOICE, timeout_state), .choices = kms_state_choices,
     .preset = "unknown", .arg = "STATE", .help = "then ok, warning, critical, unknown"},
    {ROW("verbose", 'v', KMS_OPT_COUNT, verbose), .max = 3,
     .help = "more detail; up to three times"},
    {ROW("version", 'V', KMS_OPT_FLAG, version), .help = "print the version"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help"},
    KMS_OPT_END,
};

static size_t append(struct kms_opt *rows, size_t count, const struct kms_opt *more)
{
    for (; !kms_opt_is_end(more) && count + 1 < KMS_CHECK_ROWS_MAX; more++) {
        rows[count++] = *more;
    }
    return count;
}

static bool within(size_t offset, size_t from, size_t behind)
{
    return offset >= from && offset < behind;
}

/* The order of the members of struct kms_policy groups them. */
static bool concerns(const struct kms_opt *row, unsigned parts)
{
    size_t keys = offsetof(struct kms_policy, expires_warning_ms);
    size_t requests = offsetof(struct kms_policy, requests_window_ms);
    size_t others = offsetof(struct kms_policy, failed_ratio_critical) + sizeof(int64_t);

    return ((parts & KMS_CHECK_COUNT) && within(row->offset, 0, keys)) ||
           ((parts & KMS_CHECK_KEY) && within(row->offset, keys, requests)) ||
           ((parts & KMS_CHECK_REQUESTS) && within(row->offset, requests, others));
}

static size_t append_policy(struct kms_opt *rows, size_t count, unsigned parts)
{
    const struct kms_opt *row;

    for (row = kms_policy_opts(); !kms_opt_is_end(row) && count + 1 < KMS_CHECK_ROWS_MAX; row++) {
        if (concerns(row, parts)) {
            rows[count] = *row;
            rows[count].offset += AT(policy);
            rows[count].given_offset = AT(policy_given) + kms_policy_place(row) * sizeof(bool);
            count++;
        }
    }
    return count;
}

void kms_check_opts(unsigned parts, struct kms_opt rows[KMS_CHECK_ROWS_MAX])
{
    size_t count = append(rows, 0, target_rows);

    count = append_policy(rows, count, parts);
    if (parts & KMS_CHECK_REQUESTS) {
        count = append(rows, count, state_rows);
    }
    count = append(rows, count, general_rows);
    rows[count] = (struct kms_opt)KMS_OPT_END;
}
