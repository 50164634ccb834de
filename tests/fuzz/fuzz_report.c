/* Fuzz harness of the report parser: whatever the bytes are, the answer keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "report/parse.h"
#include "vocab/facts.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_facts(const struct kms_facts *facts, enum kms_fact_scope scope)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        char text[700];
        require(row != NULL && row->scope == scope);
        kms_fact_print(&facts->fact[i], text, sizeof(text));
        require(text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_report report = {0};
    enum kms_outcome outcome = kms_report_parse(bytes, len, &report);
    require(outcome == KMS_OUTCOME_OK || kms_outcome_row(outcome)->number == outcome);
    require((outcome == KMS_OUTCOME_OK) == (report.key_count > 0));
    require(outcome == KMS_OUTCOME_OK || report.detail[0] != '\0');
    require(memchr(report.detail, '\0', sizeof(report.detail)) != NULL);
    check_facts(&report.host, KMS_SCOPE_HOST);
    for (size_t i = 0; i < report.key_count; i++) {
        check_facts(&report.key[i], KMS_SCOPE_KEY);
    }
    for (size_t i = 0; i < report.note_count; i++) {
        require(report.note[i].label != NULL && report.note[i].value != NULL);
        require(report.note[i].key >= -1 && report.note[i].key < KMS_REPORT_KEYS_MAX);
    }
    kms_report_done(&report);
    return 0;
}
