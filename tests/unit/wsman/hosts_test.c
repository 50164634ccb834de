/* Every host of tests/fakes/hosts, judged: what its README.md promises. */
#include "host_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/judge.h"
#include "report/parse.h"

#define NOW INT64_C(1790000000)

struct scene {
    struct kms_target target;
    struct kms_policy policy;
    struct kms_result wsman, report;
    struct kms_evidence evidence;
    struct kms_judgement judgement;
};

static void give(struct scene *s, struct kms_result *result)
{
    s->target.source[result->source].enabled = true;
    s->evidence.last[result->source] = result;
    if (kms_outcome_good(result->outcome)) {
        s->evidence.good[result->source] = result;
    }
}

static void scene_open(struct scene *s, const char *host)
{
    *s = (struct scene){.target.port = KMS_DEFAULT_PORT};
    s->evidence.target = &s->target;
    kms_policy_preset(&s->policy);
    kms_result_init(&s->report, KMS_SOURCE_REPORT);
    host_file_result(host, NOW, &s->wsman);
    give(s, &s->wsman);
}

static void scene_judge(struct scene *s)
{
    kms_judgement_done(&s->judgement);
    assert_int_equal(kms_judge(&s->evidence, &s->policy, NOW, &s->judgement), KMS_OK);
}

static void scene_close(struct scene *s)
{
    kms_judgement_done(&s->judgement);
    kms_result_done(&s->wsman);
    kms_result_done(&s->report);
}

/* A file is read as the report of the same host. */
static void read_report(struct scene *s, const char *name)
{
    char path[512];
    static uint8_t bytes[65536];
    struct kms_report report = {0};
    kms_text_format(path, sizeof path, KMSMON_DATA_DIR "/samples/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    s->report.outcome = kms_report_parse(bytes, len, &report);
    assert_int_equal(s->report.outcome, KMS_OUTCOME_OK);
    s->report.data_s = s->report.data_s_min = s->report.data_s_max = NOW - 60;
    assert_int_equal(kms_facts_copy(&s->report.host, &report.host), KMS_OK);
    for (size_t i = 0; i < report.key_count; i++) {
        struct kms_facts *key = kms_result_add_key(&s->report);
        assert_non_null(key);
        assert_int_equal(kms_facts_copy(key, &report.key[i]), KMS_OK);
    }
    kms_report_done(&report);
    give(s, &s->report);
}

/* The columns of a table row, without blanks around. False for any other line. */
#define COLUMNS 4
static bool split_row(char *line, char *ret[COLUMNS])
{
    if (!kms_text_starts(line, "| `")) {
        return false;
    }
    char *at = line + 1;
    for (size_t i = 0; i < COLUMNS; i++) {
        char *end = strchr(at, '|');
        assert_non_null(end);
        *end = '\0';
        while (*at == ' ' || *at == '`') {
            at++;
        }
        for (size_t len = strlen(at); len > 0 && (at[len - 1] == ' ' || at[len - 1] == '`');
             len--) {
            at[len - 1] = '\0';
        }
        ret[i] = at;
        at = end + 1;
    }
    return true;
}

static void check_row(char *column[COLUMNS])
{
    struct scene s;
    scene_open(&s, column[0]);
    scene_judge(&s);
    const char *outcome = kms_outcome_row(s.wsman.outcome)->token;
    const char *state = kms_word_label(kms_words_state(), (int)s.judgement.state);
    if (!kms_text_equal(column[1], outcome) || !kms_text_equal(column[2], state) ||
        !kms_text_equal(column[3], s.judgement.summary)) {
        fail_msg("| `%s` | %s | %s | %s |", column[0], outcome, state, s.judgement.summary);
    }
    scene_close(&s);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *folder = opendir(HOST_FILES);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        count += strstr(entry->d_name, ".json") ? 1 : 0;
    }
    assert_int_equal(closedir(folder), 0);
    return count;
}

static void every_host_gives_what_the_table_promises(void **state)
{
    (void)state;
    char line[1024];
    size_t rows = 0;
    FILE *file = fopen(HOST_FILES "/README.md", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *column[COLUMNS];
        if (split_row(line, column)) {
            check_row(column);
            rows++;
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rows, count_files());
}

static void assert_same(const struct kms_facts *a, const struct kms_facts *b, enum kms_fact_id id)
{
    char x[512] = "";
    char y[512] = "";
    for (size_t i = 0; i < a->count; i++) {
        if (a->fact[i].id == id) {
            kms_fact_print(&a->fact[i], x, sizeof x);
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        if (b->fact[i].id == id) {
            kms_fact_print(&b->fact[i], y, sizeof y);
        }
    }
    if (strcmp(x, y) != 0) {
        fail_msg("%s: '%s' and '%s'", kms_fact_row(id)->token, x, y);
    }
}

/* Everything that a report says of a key, but its own words, and of the host. */
static void a_report_and_wsman_of_one_host_are_the_same_keys(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "2022-both");
    read_report(&s, "en-2022-office-all.txt");
    assert_int_equal(s.wsman.key_count, 2);
    assert_int_equal(s.report.key_count, 2);
    for (size_t i = 0; i < 2; i++) {
        char a[KMS_KEY_IDENTITY_SIZE];
        char b[KMS_KEY_IDENTITY_SIZE];
        kms_key_identity(&s.wsman.key[i], a, sizeof a);
        kms_key_identity(&s.report.key[i], b, sizeof b);
        assert_string_equal(a, b);
        for (size_t k = 0; k < s.report.key[i].count; k++) {
            enum kms_fact_id id = s.report.key[i].fact[k].id;
            if (id != KMS_FACT_LICENSE_WORD) {
                assert_same(&s.wsman.key[i], &s.report.key[i], id);
            }
        }
    }
    static const enum kms_fact_id host[] = {KMS_FACT_SERVICE_VERSION, KMS_FACT_LISTENING_PORT,
                                            KMS_FACT_DNS_PUBLISHING, KMS_FACT_PRIORITY,
                                            KMS_FACT_OS_BUILD};
    for (size_t i = 0; i < KMS_COUNT_OF(host); i++) {
        assert_same(&s.wsman.host, &s.report.host, host[i]);
    }
    scene_judge(&s);
    assert_int_equal(s.judgement.key_count, 2);
    assert_string_equal(s.judgement.drift, "");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(s.judgement.key[i].source, KMS_SOURCE_WSMAN);
    }
    scene_close(&s);
}

static void a_report_of_another_key_of_the_host_contradicts(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "2016-both");
    read_report(&s, "en-low-count.txt"); /* port 1690, the same Windows key */
    scene_judge(&s);
    assert_int_equal(s.judgement.key_count, 2);
    assert_string_equal(s.judgement.drift, "port 1688 (wsman) but 1690 (report)");
    assert_true(s.judgement.reasons & KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_host_gives_what_the_table_promises),
        cmocka_unit_test(a_report_and_wsman_of_one_host_are_the_same_keys),
        cmocka_unit_test(a_report_of_another_key_of_the_host_contradicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
