/* Results as text: every one reads back as it was, and nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/result_text.h"

/* ---- random results, the same in every run ---- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static const char *const texts[] = {
    "",
    "plain",
    "with \"quotes\" and \\ backslashes \\\\",
    "\\",
    "\"",
    "\xC3\x84mter \xE2\x82\xAC \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x92\xBE",
    "end",
    "# no comment",
    " blanks  at the ends ",
    "fact current-count 1",
    "03612-00206-471-452343-03-1033-9600.0000-3622013",
};

static const char *any_text(uint64_t *seed)
{
    return texts[next(seed) % KMS_COUNT_OF(texts)];
}

static int64_t any_number(uint64_t *seed, const struct kms_fact_row *row)
{
    uint64_t number = next(seed);
    switch (row->type) {
    case KMS_TYPE_BOOL:
        return (int64_t)(number & 1);
    case KMS_TYPE_WORD:
        return (int64_t)(number % 300); /* those without a label among them */
    case KMS_TYPE_INT:
    case KMS_TYPE_TIME:
        return (int64_t)(number >> 24) - (INT64_C(1) << 39);
    default:
        return (int64_t)(number & UINT32_MAX);
    }
}

static void put_facts(struct kms_facts *facts, uint64_t *seed, bool all)
{
    size_t count;
    const struct kms_fact_row *rows = kms_fact_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (!all && next(seed) % 3 == 0) {
            continue;
        }
        if (rows[i].type == KMS_TYPE_TEXT) {
            assert_int_equal(kms_facts_set_text(facts, rows[i].id, any_text(seed)), KMS_OK);
        } else {
            int64_t number = any_number(seed, &rows[i]);
            assert_int_equal(kms_facts_set_number(facts, rows[i].id, number), KMS_OK);
        }
    }
}

static int64_t any_time(uint64_t *seed)
{
    return next(seed) % 4 == 0 ? 0 : (int64_t)(next(seed) >> 24);
}

static void put_times(struct kms_result *result, uint64_t *seed)
{
    result->wall_s = any_time(seed);
    result->data_s = any_time(seed);
    result->data_s_min = any_time(seed);
    result->data_s_max = any_time(seed);
    result->duration_us = any_time(seed);
    result->waited_us = any_time(seed);
    result->fingerprint = next(seed) % 4 == 0 ? 0 : next(seed);
}

static struct kms_result any_result(uint64_t *seed, size_t keys, size_t notes, bool all)
{
    struct kms_result result;
    size_t outcomes;
    const struct kms_outcome_row *outcome = kms_outcome_rows(&outcomes);
    kms_result_init(&result, (enum kms_source)(1 + next(seed) % KMS_SOURCE_MAX));
    result.outcome = outcome[next(seed) % outcomes].number;
    put_times(&result, seed);
    kms_text_copy(result.detail, sizeof result.detail, any_text(seed));
    put_facts(&result.host, seed, all);
    for (size_t i = 0; i < keys; i++) {
        struct kms_facts *key = kms_result_add_key(&result);
        assert_non_null(key);
        put_facts(key, seed, all);
    }
    for (size_t i = 0; i < notes; i++) {
        int key = (int)(next(seed) % (keys + 1)) - 1;
        const char *label = any_text(seed);
        assert_int_equal(kms_result_add_note(&result, key, label, any_text(seed)), KMS_OK);
    }
    return result;
}

static void same_heads(const struct kms_result *a, const struct kms_result *b)
{
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->wall_s, b->wall_s);
    assert_int_equal(a->data_s, b->data_s);
    assert_int_equal(a->data_s_min, b->data_s_min);
    assert_int_equal(a->data_s_max, b->data_s_max);
    assert_int_equal(a->duration_us, b->duration_us);
    assert_int_equal(a->waited_us, b->waited_us);
    assert_true(a->fingerprint == b->fingerprint);
    assert_string_equal(a->detail, b->detail);
}

static void same_results(const struct kms_result *a, const struct kms_result *b)
{
    same_heads(a, b);
    assert_true(kms_facts_equal(&a->host, &b->host));
    assert_int_equal(a->key_count, b->key_count);
    for (size_t i = 0; i < a->key_count; i++) {
        assert_true(kms_facts_equal(&a->key[i], &b->key[i]));
    }
    assert_int_equal(a->note_count, b->note_count);
    for (size_t i = 0; i < a->note_count; i++) {
        assert_int_equal(a->note[i].key, b->note[i].key);
        assert_string_equal(a->note[i].label, b->note[i].label);
        assert_string_equal(a->note[i].value, b->note[i].value);
    }
}

static void reads_back(const struct kms_result *result)
{
    struct kms_buf buf;
    struct kms_buf again;
    struct kms_result read;
    struct kms_fault fault = {.text = ""};
    size_t used = 0;
    kms_buf_init(&buf, 2 * KMS_RESULT_TEXT_MAX);
    kms_buf_init(&again, 2 * KMS_RESULT_TEXT_MAX);
    assert_int_equal(kms_result_text_write(result, &buf), KMS_OK);
    assert_int_equal(kms_buf_add_str(&buf, "what follows is not read"), KMS_OK);
    if (kms_result_text_read(buf.data, buf.len, &read, &used, &fault) != KMS_OK) {
        fail_msg("line %zu: %s", fault.offset, fault.text);
    }
    same_results(result, &read);
    assert_string_equal(buf.data + used, "what follows is not read");
    kms_buf_cut(&buf, used);
    assert_int_equal(kms_result_text_write(&read, &again), KMS_OK);
    assert_string_equal(again.data, buf.data);
    kms_result_done(&read);
    kms_buf_done(&buf);
    kms_buf_done(&again);
}

static void every_result_reads_back_as_it_was(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    for (size_t i = 0; i < 300; i++) {
        struct kms_result result = any_result(&seed, next(&seed) % 4, next(&seed) % 4, false);
        reads_back(&result);
        kms_result_done(&result);
    }
}

static void all_facts_of_32_keys_with_32_notes_read_back(void **state)
{
    (void)state;
    uint64_t seed = 7;
    struct kms_result result = any_result(&seed, KMS_KEYS_MAX, KMS_NOTES_MAX, true);
    reads_back(&result);
    kms_result_done(&result);
}

static void an_empty_result_reads_back(void **state)
{
    (void)state;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_DNS);
    reads_back(&result);
    kms_result_done(&result);
}

/* ---- what is written ---- */

static char *written(const struct kms_result *result)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_RESULT_TEXT_MAX);
    assert_int_equal(kms_result_text_write(result, &buf), KMS_OK);
    return kms_buf_take(&buf);
}

static void the_lines_are_those_of_the_header(void **state)
{
    (void)state;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = 1764000000;
    result.duration_us = 1234;
    result.fingerprint = 0x0123456789abcdef;
    kms_text_copy(result.detail, sizeof result.detail, "a \"b\"");
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_STATE, KMS_RPC_ACCEPTED),
                     KMS_OK);
    struct kms_facts *key = kms_result_add_key(&result);
    assert_non_null(key);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 26), KMS_OK);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_LICENSE_REASON, 0xC004F06C), KMS_OK);
    assert_int_equal(kms_facts_set_number(key, KMS_FACT_OWN_ENTRY, 1), KMS_OK);
    assert_int_equal(kms_result_add_note(&result, 0, "label", "value"), KMS_OK);
    char *text = written(&result);
    assert_string_equal(text, "result rpc ok\n"
                              "wall 1764000000\n"
                              "duration 1234\n"
                              "fingerprint 0123456789abcdef\n"
                              "detail \"a \\\"b\\\"\"\n"
                              "host-fact rpc-state accepted\n"
                              "key\n"
                              "fact license-reason 0xC004F06C\n"
                              "fact current-count 26\n"
                              "fact own-entry yes\n"
                              "note 0 \"label\" \"value\"\n"
                              "end\n");
    free(text);
    kms_result_done(&result);
}

static void what_cannot_be_printed_is_cleaned(void **state)
{
    (void)state;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    assert_int_equal(kms_facts_set_text(&result.host, KMS_FACT_SERVICE_VERSION,
                                        "a\nend\tb\x01 \xFF | \xE2\x80\xAE c"),
                     KMS_OK);
    char *text = written(&result);
    assert_non_null(strstr(text, "host-fact service-version \"a end b? ? ? ? c\"\n"));
    reads_back(&(struct kms_result){.source = KMS_SOURCE_REPORT});
    free(text);
    kms_result_done(&result);
}

static void numbers_that_a_fact_cannot_have_are_left_out(void **state)
{
    (void)state;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_LATENCY, -1), KMS_OK);
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_BOOT_TIME, INT64_MIN), KMS_OK);
    result.wall_s = -1;
    char *text = written(&result);
    assert_string_equal(text, "result report not-tried\nend\n");
    free(text);
    kms_result_done(&result);
}

static void a_full_buffer_takes_nothing(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct kms_result result = any_result(&seed, 1, 1, true);
    struct kms_buf buf;
    kms_buf_init(&buf, 300);
    assert_int_equal(kms_buf_add_str(&buf, "before"), KMS_OK);
    assert_int_equal(kms_result_text_write(&result, &buf), KMS_ETOOBIG);
    assert_string_equal(buf.data, "before");
    kms_buf_done(&buf);
    kms_result_done(&result);
}

static void a_result_of_more_than_the_limit_is_neither_written_nor_read(void **state)
{
    (void)state;
    struct kms_result result;
    struct kms_fault fault;
    size_t used;
    char *big = malloc(KMS_RESULT_TEXT_MAX + 1);
    assert_non_null(big);
    memset(big, 'a', KMS_RESULT_TEXT_MAX);
    big[KMS_RESULT_TEXT_MAX] = '\0';
    kms_result_init(&result, KMS_SOURCE_REPORT);
    assert_int_equal(kms_facts_set_text(&result.host, KMS_FACT_SERVICE_VERSION, big), KMS_OK);
    struct kms_buf buf;
    kms_buf_init(&buf, 2 * KMS_RESULT_TEXT_MAX);
    assert_int_equal(kms_result_text_write(&result, &buf), KMS_ETOOBIG);
    assert_int_equal(buf.len, 0);
    kms_result_done(&result);
    assert_int_equal(
        kms_buf_addf(&buf, "result report ok\nhost-fact service-version \"%s\"\nend\n", big),
        KMS_OK);
    assert_int_equal(kms_result_text_read(buf.data, buf.len, &result, &used, &fault), KMS_ETOOBIG);
    kms_buf_done(&buf);
    free(big);
}

/* ---- what is read ---- */

static enum kms_status read_text(const char *text, struct kms_result *ret, struct kms_fault *fault)
{
    size_t used;
    char *copy = kms_text_dup_len(text, strlen(text));
    assert_non_null(copy);
    enum kms_status status = kms_result_text_read(copy, strlen(copy), ret, &used, fault);
    free(copy);
    return status;
}

static void comments_blanks_and_other_line_ends_are_read(void **state)
{
    (void)state;
    struct kms_result result;
    assert_int_equal(read_text("# by hand\r\n\r\n  result \t rpc  ok \r\n\twall 12\r\n  # more\r\n"
                               " host-fact  rpc-latency\t5  \r\nend",
                               &result, NULL),
                     KMS_OK);
    int64_t latency = 0;
    assert_int_equal(result.wall_s, 12);
    assert_true(kms_facts_number(&result.host, KMS_FACT_RPC_LATENCY, &latency));
    assert_int_equal(latency, 5);
    kms_result_done(&result);
}

static void several_follow_each_other(void **state)
{
    (void)state;
    const char *text = "result rpc ok\nend\n\nresult dns timeout\nend\n";
    struct kms_result result;
    size_t used = 0;
    assert_int_equal(kms_result_text_read(text, strlen(text), &result, &used, NULL), KMS_OK);
    assert_int_equal(result.source, KMS_SOURCE_RPC);
    kms_result_done(&result);
    text += used;
    assert_int_equal(kms_result_text_read(text, strlen(text), &result, &used, NULL), KMS_OK);
    assert_int_equal(result.source, KMS_SOURCE_DNS);
    assert_int_equal(result.outcome, KMS_OUTCOME_TIMEOUT);
    kms_result_done(&result);
}

static void a_fact_of_a_later_release_is_left_out_but_not_in_what_people_write(void **state)
{
    (void)state;
    const char *text = "result rpc ok\nhost-fact later-fact \"it's\" 5\nhost-fact rpc-latency 5\n"
                       "end\n";
    struct kms_result result;
    struct kms_fault fault;
    size_t used;
    assert_int_equal(read_text(text, &result, NULL), KMS_OK);
    assert_int_equal(result.host.count, 1);
    kms_result_done(&result);
    assert_int_equal(kms_result_text_read_strictly(text, strlen(text), &result, &used, &fault),
                     KMS_EINVAL);
    assert_int_equal(fault.offset, 2);
    assert_string_equal(fault.text, "no fact is called 'later-fact'");
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *says;
    } wrong[] = {
        {"", 0, "no result"},
        {"# nothing\n", 1, "no result"},
        {"results rpc ok\nend\n", 1, "a result begins with 'result', not with 'results'"},
        {"result rcp ok\nend\n", 1, "no source is called 'rcp'"},
        {"result rpc fine\nend\n", 1, "no outcome is called 'fine'"},
        {"result rpc ok ok\nend\n", 1, "too much on this line"},
        {"result rpc ok\n", 1, "the result has no 'end'"},
        {"result rpc ok\nend of it\n", 2, "no line of a result begins with 'end'"},
        {"result rpc ok\nwall soon\nend\n", 2, "not a number that may stand here: 'soon'"},
        {"result rpc ok\nwall 99999999999999\nend\n", 2,
         "not a number that may stand here: '99999999999999'"},
        {"result rpc ok\ndata 1 2\nend\n", 2, "not a number that may stand here:"},
        {"result rpc ok\nfingerprint 0x23456789abcdef\nend\n", 2,
         "not 16 hexadecimal digits in lower case: '0x23456789abcdef'"},
        {"result rpc ok\ndetail word\nend\n", 2, "a text in quotes is expected"},
        {"result rpc ok\ndetail \"word\nend\n", 2, "a text has no closing quote"},
        {"result rpc ok\ndetail \"a\\n\"\nend\n", 2, "only \\\" and \\\\ may follow a backslash"},
        {"result rpc ok\ndetail \"a\x01\"\nend\n", 2,
         "a text holds a character that cannot be printed"},
        {"result rpc ok\ndetail \"a\" b\nend\n", 2, "too much on this line"},
        {"result rpc ok\nhost-fact\nend\n", 2, "the name of a fact is missing"},
        {"result rpc ok\nhost-fact rpc-state open\nend\n", 2, "not a value of rpc-state: 'open'"},
        {"result rpc ok\nhost-fact rpc-latency -1\nend\n", 2, "not a value of rpc-latency: '-1'"},
        {"result rpc ok\nkey\nfact own-entry true\nend\n", 3, "not a value of own-entry: 'true'"},
        {"result rpc ok\nfact current-count 1\nend\n", 2, "a fact of a key, but no key yet"},
        {"result rpc ok\nkey\nfact current-count 1\nfact current-count 2\nend\n", 4,
         "given twice: 'current-count'"},
        {"result rpc ok\nnote 0 \"a\" \"b\"\nend\n", 2, "not a number that may stand here: '0'"},
        {"result rpc ok\nnote -1 \"a\"\nend\n", 2, "a text in quotes is expected"},
        {"result rpc ok\nkey 1\nend\n", 2, "too much on this line"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        struct kms_result result;
        struct kms_fault fault = {.text = ""};
        assert_int_equal(read_text(wrong[i].text, &result, &fault), KMS_EINVAL);
        assert_string_equal(fault.text, wrong[i].says);
        assert_int_equal(fault.offset, wrong[i].line);
    }
}

static void more_keys_and_notes_than_a_result_has_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t max;
        const char *says;
    } many[] = {
        {"key\n", KMS_KEYS_MAX, "too many keys"},
        {"note -1 \"a\" \"b\"\n", KMS_NOTES_MAX, "too many notes"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(many); i++) {
        struct kms_buf buf;
        struct kms_result result;
        struct kms_fault fault = {.text = ""};
        kms_buf_init(&buf, KMS_RESULT_TEXT_MAX);
        assert_int_equal(kms_buf_add_str(&buf, "result rpc ok\n"), KMS_OK);
        for (size_t n = 0; n <= many[i].max; n++) {
            assert_int_equal(kms_buf_add_str(&buf, many[i].line), KMS_OK);
        }
        assert_int_equal(kms_buf_add_str(&buf, "end\n"), KMS_OK);
        assert_int_equal(read_text(buf.data, &result, &fault), KMS_EINVAL);
        assert_string_equal(fault.text, many[i].says);
        kms_buf_done(&buf);
    }
}

static struct kms_result sample(void)
{
    uint64_t seed = 11;
    return any_result(&seed, 1, 1, false);
}

/* On the heap with not a byte more, so that the sanitizer sees who reads further. */
static enum kms_status read_exactly(const char *text, size_t len)
{
    struct kms_result result;
    struct kms_fault fault = {.text = ""};
    size_t used = 0;
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum kms_status status = kms_result_text_read(copy, len, &result, &used, &fault);
    if (status == KMS_OK) {
        assert_true(used <= len);
        kms_result_done(&result);
    } else {
        assert_true(fault.text[0] != '\0');
    }
    free(copy);
    return status;
}

static void every_cut_is_an_error(void **state)
{
    (void)state;
    struct kms_result result = sample();
    char *text = written(&result);
    size_t len = strlen(text);
    for (size_t cut = 0; cut + 1 < len; cut++) {
        assert_int_equal(read_exactly(text, cut), KMS_EINVAL);
    }
    assert_int_equal(read_exactly(text, len - 1), KMS_OK); /* the last line end is not missed */
    free(text);
    kms_result_done(&result);
}

static void every_bit_that_flips_gives_a_status(void **state)
{
    (void)state;
    struct kms_result result = sample();
    char *text = written(&result);
    size_t len = strlen(text);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        refused += read_exactly(text, len) != KMS_OK;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > 0 && refused < 8 * len);
    assert_int_equal(read_exactly(text, len), KMS_OK);
    free(text);
    kms_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_reads_back_as_it_was),
        cmocka_unit_test(all_facts_of_32_keys_with_32_notes_read_back),
        cmocka_unit_test(an_empty_result_reads_back),
        cmocka_unit_test(the_lines_are_those_of_the_header),
        cmocka_unit_test(what_cannot_be_printed_is_cleaned),
        cmocka_unit_test(numbers_that_a_fact_cannot_have_are_left_out),
        cmocka_unit_test(a_full_buffer_takes_nothing),
        cmocka_unit_test(a_result_of_more_than_the_limit_is_neither_written_nor_read),
        cmocka_unit_test(comments_blanks_and_other_line_ends_are_read),
        cmocka_unit_test(several_follow_each_other),
        cmocka_unit_test(a_fact_of_a_later_release_is_left_out_but_not_in_what_people_write),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(more_keys_and_notes_than_a_result_has_are_wrong),
        cmocka_unit_test(every_cut_is_an_error),
        cmocka_unit_test(every_bit_that_flips_gives_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
