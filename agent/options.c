/* The option rows of kmsmond. */
#include "agent/options.h"

#include <stddef.h>

#define ROW(name, letter, kind, member)                                       \
    .key = (name), .long_opt = (name), .short_opt = (letter), .type = (kind), \
    .offset = offsetof(struct kms_options, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {.key = "config",
     .long_opt = "config",
     .short_opt = 'c',
     .type = KMS_OPT_TEXT,
     .offset = offsetof(struct kms_options, config),
     .given_offset = offsetof(struct kms_options, config_given),
     .preset = KMSMON_CONFIG_FILE,
     .arg = "FILE",
     .help = "configuration to use"},
    {ROW("check", 't', KMS_OPT_FLAG, check),
     .help = "check the configuration, print the effective one, and exit"},
    {ROW("list-keys", 0, KMS_OPT_FLAG, list_keys),
     .help = "list every key of the configuration with what it allows, and exit"},
    {ROW("daemon", 'd', KMS_OPT_FLAG, detach),
     .help = "go to the background once started; log to syslog"},
    {ROW("pid-file", 'P', KMS_OPT_TEXT, pid_file), .arg = "FILE",
     .help = "write the process number there"},
    {ROW("user", 'u', KMS_OPT_TEXT, user), .arg = "NAME",
     .help = "when started as root: become this user, for good; default: the configuration's user"},
    {ROW("group", 'g', KMS_OPT_TEXT, group), .arg = "NAME",
     .help = "with --user: and this group; default: that of the user"},
    {ROW("standalone", 0, KMS_OPT_FLAG, standalone),
     .help = "answer SNMP without snmpd, at the ADDRESSes or where the configuration says"},
    {ROW("simulate", 0, KMS_OPT_TEXT, simulate), .arg = "FILE",
     .help =
         "play the recording instead of asking hosts; the configuration is that of -c, or none"},
    {ROW("speed", 0, KMS_OPT_UINT, speed), .min = 1, .max = 3600, .preset = "1", .arg = "N",
     .help = "with --simulate: time runs N times as fast"},
    {ROW("state-dir", 0, KMS_OPT_TEXT, state_dir), .arg = "DIR",
     .help = "with --simulate: keep its state there; else it is kept until the end"},
    {ROW("agentx", 0, KMS_OPT_TEXT, agentx), .arg = "ADDRESS",
     .help = "with --simulate: be the guest of that master agent instead of answering SNMP"},
    {ROW("verbose", 'v', KMS_OPT_COUNT, verbose), .help = "log everything, as log-level = debug"},
    {ROW("version", 'V', KMS_OPT_FLAG, version), .help = "print the version and exit"},
    {ROW("help", 'h', KMS_OPT_FLAG, help), .help = "print this help and exit"},
    KMS_OPT_END,
};

const struct kms_opt *kms_options_rows(void)
{
    return rows;
}
