/* Reports for the tests: read, changed, converted and parsed. */
#ifndef KMS_TESTS_REPORT_FIXTURE_H
#define KMS_TESTS_REPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "report/parse.h"

#define GERMAN       KMSMON_DATA_DIR "/reports/de-2008r2-kms-b.txt"
#define SAMPLE(name) KMSMON_DATA_DIR "/samples/" name

/* The file's contents; the caller ends buf with kms_buf_done. */
void fixture_read(const char *path, struct kms_buf *buf);
/* The contents with every occurrence of from replaced; at least one must be there. */
void fixture_replace(struct kms_buf *buf, const char *from, const char *to);
/* Everything from the first occurrence of mark on is cut off. */
void fixture_cut(struct kms_buf *buf, const char *mark);
void fixture_convert(struct kms_buf *buf, const char *encoding);
/* As a console of that many columns prints it. */
void fixture_wrap(struct kms_buf *buf, size_t columns);

enum kms_outcome fixture_parse(const struct kms_buf *buf, struct kms_report *report);
enum kms_outcome fixture_parse_text(const char *text, struct kms_report *report);
/* Fails with the outcome's word and the detail when it is not the one wanted. */
void fixture_expect(const struct kms_buf *buf, enum kms_outcome wanted, struct kms_report *report);
void fixture_expect_text(const char *text, enum kms_outcome wanted, struct kms_report *report);

#define assert_number(facts, id, wanted)                                  \
    do {                                                                  \
        int64_t number_ = -99;                                            \
        assert_true(kms_facts_number(&(facts), KMS_FACT_##id, &number_)); \
        assert_int_equal(number_, wanted);                                \
    } while (0)
#define assert_text(facts, id, wanted)                                        \
    do {                                                                      \
        assert_non_null(kms_facts_text(&(facts), KMS_FACT_##id));             \
        assert_string_equal(kms_facts_text(&(facts), KMS_FACT_##id), wanted); \
    } while (0)
#define assert_absent(facts, id) assert_false(kms_facts_has(&(facts), KMS_FACT_##id))

/* The eight request counters in slmgr's order. */
void fixture_requests(const struct kms_facts *key, const int64_t wanted[8]);
/* The same facts about host and keys, but for the encoding. */
void fixture_same_facts(struct kms_report *a, struct kms_report *b);

#endif
