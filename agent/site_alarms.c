/* Reads and prints the block alarms. */
#include "agent/site_alarms.h"

#include "agent/site_print.h"
#include "base/bind.h"
#include "base/text.h"

#define ROW(in, name, kind, type_of, member)                                                    \
    .section = (in), .key = (name), .type = (kind), .offset = offsetof(struct type_of, member), \
    .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt alarms_rows[] = {
    {ROW("alarms", "confirm", KMS_OPT_UINT, kms_site_alarms, confirm), .min = 1,
     .max = KMS_ALARM_CONFIRM_MAX, .preset = "2", .arg = "N",
     .help = "polls in a row that must agree before an alarm is raised or cleared"},
    {ROW("alarms", "max-notifications-per-minute", KMS_OPT_UINT, kms_site_alarms, per_minute),
     .min = 1, .max = KMS_SITE_PER_MINUTE_MAX, .preset = "60", .arg = "N",
     .help = "further raises of a minute are not sent, but counted"},
    KMS_OPT_END,
};

static const struct kms_opt alarm_rows[] = {
    {ROW("alarms.alarm", "enabled", KMS_OPT_FLAG, kms_site_alarm, enabled), .preset = "yes",
     .help = "whether there are alarms of this type at all"},
    {ROW("alarms.alarm", "confirm", KMS_OPT_UINT, kms_site_alarm, confirm), .min = 1,
     .max = KMS_ALARM_CONFIRM_MAX, .arg = "N",
     .help = "the same for this type alone; default: that of the block around it"},
    KMS_OPT_END,
};

static const struct kms_bind_block alarms_blocks[] = {
    {.name = "alarm", .usage = "alarm \"TYPE\" { ... }", .titled = true, .repeated = true},
    {0},
};

static const struct kms_bind in_alarms = {alarms_rows, "alarms", alarms_blocks};
static const struct kms_bind in_alarm = {alarm_rows, "alarms.alarm", NULL};

/* "hostUnreachable, countLow, ..." */
static void list_types(char *dst, size_t size)
{
    const struct kms_word_set *set = kms_words_alarm_type();
    dst[0] = '\0';
    for (size_t i = 0; i < set->count; i++) {
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", set->words[i].label);
    }
}

static void read_alarm(const struct kms_conf_node *block, struct kms_site_alarms *alarms,
                       bool seen[KMS_ALARM_TYPE_MAX + 1], struct kms_conf_errors *errors)
{
    int type;
    if (!block->title) {
        return; /* the missing title was reported with the block */
    }
    if (!kms_word_number(kms_words_alarm_type(), block->title, &type)) {
        char types[240];
        list_types(types, sizeof types);
        kms_conf_error(errors, block->file, block->line,
                       "alarm: '%.100s' is not a type of alarm; allowed: %s", block->title, types);
        return;
    }
    if (seen[type]) {
        kms_conf_error(errors, block->file, block->line,
                       "alarm: '%.100s' is there a second time; allowed: one block a type",
                       block->title);
        return;
    }
    seen[type] = true;
    kms_bind_apply(&in_alarm, block, &alarms->type[type], errors);
}

void kms_site_read_alarms(const struct kms_conf_node *block, struct kms_site_alarms *alarms,
                          struct kms_conf_errors *errors)
{
    bool whole = kms_opts_preset(alarms_rows, alarms) == KMS_OK;
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        whole = whole && kms_opts_preset(alarm_rows, &alarms->type[i]) == KMS_OK;
    }
    if (!whole) {
        kms_conf_out_of_memory(errors);
        return;
    }
    if (!block) {
        return;
    }
    bool seen[KMS_ALARM_TYPE_MAX + 1] = {0};
    kms_bind_apply(&in_alarms, block, alarms, errors);
    const struct kms_conf_node *at = kms_bind_find(block->child, "alarm");
    for (; at; at = kms_bind_find(at->next, "alarm")) {
        read_alarm(at, alarms, seen, errors);
    }
}

static enum kms_status print_alarm(const struct kms_site_alarms *alarms, int type,
                                   struct kms_buf *buf)
{
    const struct kms_site_alarm *alarm = &alarms->type[type];
    if (alarm->enabled && alarm->confirm == 0) {
        return KMS_OK;
    }
    enum kms_status status = kms_buf_addf(buf, "    alarm \"%s\" {\n",
                                          kms_word_label(kms_words_alarm_type(), type));
    if (status == KMS_OK) {
        status = kms_site_print_rows(alarm_rows, "alarms.alarm", alarm, "        ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "    }\n") : status;
}

enum kms_status kms_site_print_alarms(const struct kms_site_alarms *alarms, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "\nalarms {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(alarms_rows, "alarms", alarms, "    ", buf);
    }
    for (int type = 1; status == KMS_OK && type <= KMS_ALARM_TYPE_MAX; type++) {
        status = print_alarm(alarms, type, buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_alarms_keys(struct kms_buf *buf)
{
    enum kms_status status = kms_site_list_keys(&in_alarms, buf);
    return status == KMS_OK ? kms_site_list_keys(&in_alarm, buf) : status;
}
