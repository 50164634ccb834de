/* Gathers what is found about one subject, and leaves out what does not matter. */
#include "agent/alarm_inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct kms_alarm_row kms_alarm_row_of(uint8_t table, uint32_t index, uint32_t sub)
{
    return (struct kms_alarm_row){.table = table, .len = 2, .index = {index, sub}};
}

void kms_inquiry_lower(char *text)
{
    for (; *text; text++) {
        *text = kms_text_lower(*text);
    }
}

void kms_alarm_subject(char dst[KMS_ALARM_SUBJECT_SIZE], const char *kind, const char *name)
{
    kms_text_format(dst, KMS_ALARM_SUBJECT_SIZE, "%s %s", kind, name);
    kms_inquiry_lower(dst);
}

void kms_alarm_findings_done(struct kms_alarm_findings *findings)
{
    free(findings->finding);
    free(findings->condition);
    *findings = (struct kms_alarm_findings){0};
}

static bool grow(struct kms_alarm_findings *findings)
{
    if (findings->count < findings->cap) {
        return true;
    }
    size_t cap = findings->cap ? findings->cap * 2 : 8;
    struct kms_alarm_finding *finding = realloc(findings->finding, cap * sizeof *finding);
    if (finding) {
        findings->finding = finding;
    }
    struct kms_alarm_condition *condition = realloc(findings->condition, cap * sizeof *condition);
    if (condition) {
        findings->condition = condition;
    }
    if (!finding || !condition) {
        findings->failed = true;
        return false;
    }
    findings->cap = cap;
    return true;
}

static bool is_wrong(enum kms_state severity, bool frozen)
{
    return severity != KMS_STATE_OK && !frozen;
}

bool kms_inquiry_matters(const struct kms_inquiry *q, enum kms_state severity, bool frozen)
{
    return q->tracked || is_wrong(severity, frozen);
}

struct kms_alarm_finding *kms_inquiry_add(struct kms_inquiry *q,
                                          const struct kms_alarm_condition *of, const char *object)
{
    struct kms_alarm_findings *findings = q->findings;
    if ((!is_wrong(of->severity, of->frozen) &&
         !kms_alarms_tracks(q->alarms, findings->subject, of->type, of->owner, object)) ||
        !grow(findings)) {
        return NULL;
    }
    struct kms_alarm_finding *finding = &findings->finding[findings->count++];
    *finding = (struct kms_alarm_finding){.condition = *of};
    kms_text_copy(finding->object, sizeof finding->object, object);
    return finding;
}

void kms_inquiry_begin(struct kms_inquiry *q, const char *kind, const char *name)
{
    q->findings->count = 0;
    q->findings->failed = false;
    kms_alarm_subject(q->findings->subject, kind, name);
    q->tracked = kms_alarms_tracks_any(q->alarms, q->findings->subject);
}

bool kms_inquiry_end(const struct kms_inquiry *q, struct kms_alarm_update *ret)
{
    struct kms_alarm_findings *findings = q->findings;
    for (size_t i = 0; i < findings->count; i++) {
        struct kms_alarm_finding *finding = &findings->finding[i];
        finding->condition.object = finding->object;
        finding->condition.text = finding->text;
        findings->condition[i] = finding->condition;
    }
    ret->subject = findings->subject;
    ret->condition = findings->condition;
    ret->count = findings->count;
    /* Of what is tracked, nothing may look gone because it found no room. */
    return !findings->failed && (q->tracked || findings->count > 0);
}
