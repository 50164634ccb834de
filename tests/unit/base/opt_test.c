/* Option rows: every type in and out, every message, argv and --help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "base/text.h"
#include "base/texts.h"

struct values {
    bool quiet;
    char *host;
    int64_t count;
    int64_t port;
    int64_t max_age_ms;
    bool max_age_given;
    int64_t max_size;
    int64_t format;
    uint64_t classes;
    bool classes_given;
    int64_t verbose;
};

static const struct kms_opt_choice formats[] = {{"table", 0}, {"json", 1}, {NULL, 0}};
static const struct kms_opt_choice classes[] = {
    {"server", 0}, {"client", 1}, {"office", 5}, {NULL, 0}};

static const struct kms_opt rows[] = {
    {.key = "quiet",
     .long_opt = "quiet",
     .short_opt = 'q',
     .type = KMS_OPT_FLAG,
     .offset = offsetof(struct values, quiet),
     .given_offset = KMS_OPT_NO_GIVEN,
     .help = "say nothing"},
    {.key = "host",
     .long_opt = "hostname",
     .short_opt = 'H',
     .type = KMS_OPT_TEXT,
     .offset = offsetof(struct values, host),
     .given_offset = KMS_OPT_NO_GIVEN,
     .preset = "localhost",
     .arg = "HOST",
     .help = "the KMS host"},
    {.key = "count",
     .long_opt = "count",
     .type = KMS_OPT_UINT,
     .offset = offsetof(struct values, count),
     .given_offset = KMS_OPT_NO_GIVEN,
     .min = 1,
     .max = 50,
     .help = "how many"},
    {.key = "port",
     .long_opt = "port",
     .short_opt = 'p',
     .type = KMS_OPT_PORT,
     .offset = offsetof(struct values, port),
     .given_offset = KMS_OPT_NO_GIVEN,
     .preset = "1688",
     .help = "the KMS port"},
    {.key = "max-age",
     .long_opt = "max-age",
     .type = KMS_OPT_DURATION,
     .offset = offsetof(struct values, max_age_ms),
     .given_offset = offsetof(struct values, max_age_given),
     .min = 1000,
     .max = INT64_C(604800000),
     .help = "how old the report may be before its numbers are no longer believed and the result "
             "is unknown"},
    {.key = "max-size",
     .long_opt = "max-size",
     .type = KMS_OPT_BYTES,
     .offset = offsetof(struct values, max_size),
     .given_offset = KMS_OPT_NO_GIVEN,
     .min = 1024,
     .max = INT64_C(1) << 30,
     .preset = "8M",
     .help = "largest report"},
    {.key = "format",
     .long_opt = "format",
     .type = KMS_OPT_CHOICE,
     .offset = offsetof(struct values, format),
     .given_offset = KMS_OPT_NO_GIVEN,
     .choices = formats,
     .help = "the output"},
    {.key = "classes",
     .long_opt = "classes",
     .type = KMS_OPT_SET,
     .offset = offsetof(struct values, classes),
     .given_offset = offsetof(struct values, classes_given),
     .preset = "server",
     .choices = classes,
     .help = "what is relied on"},
    {.key = "verbose",
     .long_opt = "verbose",
     .short_opt = 'v',
     .type = KMS_OPT_COUNT,
     .offset = offsetof(struct values, verbose),
     .given_offset = KMS_OPT_NO_GIVEN,
     .max = 3,
     .help = "say more"},
    KMS_OPT_END,
};

static const struct kms_opt *row(const char *key)
{
    for (const struct kms_opt *opt = rows; !kms_opt_is_end(opt); opt++) {
        if (strcmp(opt->key, key) == 0) {
            return opt;
        }
    }
    fail_msg("no row %s", key);
    return NULL;
}

static void presets_fill_the_values_without_marking_them_given(void **state)
{
    (void)state;
    struct values v = {0};
    assert_int_equal(kms_opts_preset(rows, &v), KMS_OK);
    assert_string_equal(v.host, "localhost");
    assert_int_equal(v.port, 1688);
    assert_int_equal(v.max_size, 8 << 20);
    assert_int_equal(v.classes, 1);
    assert_false(v.classes_given);
    assert_false(v.max_age_given);
    kms_opts_free_values(rows, &v);
    assert_null(v.host);
}

static void every_type_is_read_and_printed_as_the_file_writes_it(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text, *printed;
    } cases[] = {
        {"quiet", "yes", "yes"},
        {"quiet", "Off", "no"},
        {"host", "kms1", "\"kms1\""},
        {"host", "a\"b\\c${HOME}$\n\x01", "\"a\\\"b\\\\c${HOME}$??\""},
        {"host", "m\xC3\xBCnchen", "\"m\xC3\xBCnchen\""},
        {"count", "50", "50"},
        {"port", "65535", "65535"},
        {"max-age", "26h", "26h"},
        {"max-age", "90", "90s"},
        {"max-age", "1500ms", "1500ms"},
        {"max-size", "512K", "512K"},
        {"max-size", "1G", "1G"},
        {"max-size", "1025", "1025"},
        {"format", "json", "\"json\""},
        {"classes", "office,server", "{\"server\", \"office\"}"},
        {"verbose", "2", "2"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct values v = {0};
        struct kms_fault fault = {0};
        char printed[80];
        enum kms_status status = kms_opt_apply(row(cases[i].key), cases[i].text, &v, &fault);
        assert_string_equal(fault.text, "");
        assert_int_equal(status, KMS_OK);
        kms_opt_print(row(cases[i].key), &v, printed, sizeof printed);
        assert_string_equal(printed, cases[i].printed);
        kms_opts_free_values(rows, &v);
    }
}

static void every_wrong_value_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text, *message;
    } cases[] = {
        {"quiet", "maybe", "quiet: 'maybe' is neither yes nor no; allowed: yes or no"},
        {"count", "five", "count: 'five' is not a whole number; allowed: a whole number, 1 to 50"},
        {"count", "51", "count: '51' is out of range; allowed: a whole number, 1 to 50"},
        {"count", "-1", "count: '-1' is out of range; allowed: a whole number, 1 to 50"},
        {"port", "0", "port: '0' is out of range; allowed: a port number, 1 to 65535"},
        {"port", "65536", "port: '65536' is out of range; allowed: a port number, 1 to 65535"},
        {"port", "http", "port: 'http' is not a port number; allowed: a port number, 1 to 65535"},
        {"max-age", "soon",
         "max-age: 'soon' is not a duration; allowed: a number with ms, s, m, h, d or w "
         "(without a unit seconds), 1s to 1w"},
        {"max-age", "2w",
         "max-age: '2w' is out of range; allowed: a number with ms, s, m, h, d or w (without a "
         "unit "
         "seconds), 1s to 1w"},
        {"max-size", "big",
         "max-size: 'big' is not a size; allowed: a size such as 512K or 8M, 1K to 1G"},
        {"max-size", "10",
         "max-size: '10' is out of range; allowed: a size such as 512K or 8M, 1K to 1G"},
        {"format", "xml", "format: 'xml' is unknown; allowed: one of table, json"},
        {"format", "a|b\nc", "format: 'a?b c' is unknown; allowed: one of table, json"},
        {"classes", "server,laptop",
         "classes: 'laptop' is unknown; allowed: any of server, client, office"},
        {"classes", "", "classes: '' is unknown; allowed: any of server, client, office"},
        {"verbose", "much",
         "verbose: 'much' is not a whole number; allowed: a whole number, 0 to 3"},
        {"verbose", "-1", "verbose: '-1' is out of range; allowed: a whole number, 0 to 3"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct values v = {.count = 7, .classes = 2};
        struct kms_fault fault = {0};
        assert_int_not_equal(kms_opt_apply(row(cases[i].key), cases[i].text, &v, &fault), KMS_OK);
        assert_string_equal(fault.text, cases[i].message);
        assert_int_equal(v.count, 7);
        assert_int_equal(v.classes, 2);
        assert_false(v.max_age_given);
    }
}

static void the_first_given_word_replaces_the_preset_and_more_are_added(void **state)
{
    (void)state;
    struct values v = {0};
    struct kms_fault fault;
    assert_int_equal(kms_opts_preset(rows, &v), KMS_OK);
    assert_int_equal(kms_opt_apply_word(row("classes"), "client", &v, &fault), KMS_OK);
    assert_int_equal(v.classes, 2);
    assert_int_equal(kms_opt_apply_word(row("classes"), "office", &v, &fault), KMS_OK);
    assert_int_equal(v.classes, 2 | 32);
    assert_true(v.classes_given);
    assert_int_equal(kms_opt_apply_word(row("classes"), "x,y", &v, &fault), KMS_EINVAL);
    assert_string_equal(fault.text,
                        "classes: 'x,y' is unknown; allowed: any of server, client, office");
    kms_opts_free_values(rows, &v);
}

static void values_that_do_not_fit_the_place_are_cut_not_overrun(void **state)
{
    (void)state;
    struct values v = {.classes = 3};
    char small[8];
    assert_int_equal(kms_opt_apply(row("host"), "a-rather-long-name", &v, NULL), KMS_OK);
    kms_opt_print(row("host"), &v, small, sizeof small);
    assert_string_equal(small, "\"a-rath");
    kms_opt_print(row("classes"), &v, small, sizeof small);
    assert_int_equal(strlen(small), 7);
    kms_opts_free_values(rows, &v);
    kms_opt_print(row("host"), &v, small, sizeof small);
    assert_string_equal(small, "");
}

struct command {
    int argc;
    char *argv[8];
};

static enum kms_status run(struct command command, struct values *v, int *ret_rest,
                           struct kms_fault *fault, char **ret_argv)
{
    memcpy(ret_argv, command.argv, sizeof command.argv);
    return kms_opts_argv(rows, command.argc, ret_argv, v, ret_rest, fault);
}

static void argv_is_read_in_all_its_spellings(void **state)
{
    (void)state;
    char *argv[8];
    int rest = -1;
    struct values v = {0};
    struct kms_fault fault = {0};
    /* Twice: nothing of the first reading is left for the second. */
    for (int i = 0; i < 2; i++) {
        kms_opts_free_values(rows, &v);
        v = (struct values){0};
        struct command c = {
            7, {"x", "-vvq", "file", "-Hkms1", "--max-age=26h", "--classes", "server,client"}};
        assert_int_equal(run(c, &v, &rest, &fault, argv), KMS_OK);
        assert_int_equal(v.verbose, 2);
        assert_true(v.quiet);
        assert_string_equal(v.host, "kms1");
        assert_int_equal(v.max_age_ms, INT64_C(26) * 3600000);
        assert_true(v.max_age_given);
        assert_int_equal(v.classes, 3);
        assert_int_equal(rest, 6);
        assert_string_equal(argv[rest], "file");
    }
    struct command c = {5, {"x", "--host", "k2", "--", "-v"}}; /* an abbreviation */
    v.verbose = 0;
    assert_int_equal(run(c, &v, &rest, &fault, argv), KMS_OK);
    assert_string_equal(v.host, "k2");
    assert_string_equal(argv[rest], "-v");
    assert_int_equal(v.verbose, 0);
    kms_opts_free_values(rows, &v);
}

static void counting_stops_at_the_most(void **state)
{
    (void)state;
    char *argv[8];
    int rest;
    struct values v = {0};
    struct command c = {3, {"x", "-vvvvv", "--verbose"}};
    assert_int_equal(run(c, &v, &rest, NULL, argv), KMS_OK);
    assert_int_equal(v.verbose, 3);
}

static void every_wrong_command_line_names_the_option(void **state)
{
    (void)state;
    static const struct {
        struct command command;
        const char *message;
    } cases[] = {
        {{2, {"x", "--max-agee"}}, "--max-agee: no such option; did you mean --max-age?"},
        {{2, {"x", "--prot=1"}}, "--prot: no such option; did you mean --port?"},
        {{2, {"x", "--zzzzzzzz"}}, "--zzzzzzzz: no such option; see --help"},
        {{3, {"x", "--max", "1"}}, "--max: not a unique option; allowed: --max-age, --max-size"},
        {{2, {"x", "-z"}}, "-z: no such option; see --help"},
        {{2, {"x", "-vz"}}, "-z: no such option; see --help"},
        {{2, {"x", "-\x01"}}, "-?: no such option; see --help"},
        {{2, {"x", "-p"}}, "--port: needs a value; allowed: a port number, 1 to 65535"},
        {{2, {"x", "--format"}}, "--format: needs a value; allowed: one of table, json"},
        {{2, {"x", "--quiet=yes"}}, "--quiet: takes no value"},
        {{3, {"x", "-p", "0"}}, "--port: '0' is out of range; allowed: a port number, 1 to 65535"},
        {{2, {"x", "--classes=server,"}},
         "--classes: '' is unknown; allowed: any of server, client, office"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        char *argv[8];
        struct values v = {0};
        struct kms_fault fault = {0};
        int rest = -1;
        assert_int_equal(run(cases[i].command, &v, &rest, &fault, argv) == KMS_OK, 0);
        assert_string_equal(fault.text, cases[i].message);
        assert_int_equal(rest, -1);
        kms_opts_free_values(rows, &v);
    }
}

struct page {
    char text[2048];
};

static void take_line(void *arg, const char *text)
{
    struct page *page = arg;
    assert_true(strlen(text) <= 80);
    kms_text_append(page->text, sizeof page->text, "%s\n", text);
}

static void help_is_aligned_and_fits_eighty_columns(void **state)
{
    (void)state;
    struct page page = {""};
    kms_opts_help(rows, take_line, &page);
    assert_string_equal(
        page.text,
        "  -q, --quiet               say nothing\n"
        "  -H, --hostname=HOST       the KMS host (default localhost)\n"
        "      --count=NUMBER        how many\n"
        "  -p, --port=PORT           the KMS port (default 1688)\n"
        "      --max-age=DURATION    how old the report may be before its numbers are no\n"
        "                            longer believed and the result is unknown\n"
        "      --max-size=SIZE       largest report (default 8M)\n"
        "      --format=WORD         the output: table, json\n"
        "      --classes=LIST        what is relied on: server, client, office (default\n"
        "                            server)\n"
        "  -v, --verbose             say more\n");
}

static void a_long_option_stands_on_a_line_of_its_own(void **state)
{
    (void)state;
    static const struct kms_opt wide[] = {
        {.long_opt = "a-remarkably-long-option", .type = KMS_OPT_FLAG, .help = "short"},
        {.short_opt = 'n', .type = KMS_OPT_UINT, .help = "number"},
        {.key = "file-only", .type = KMS_OPT_FLAG, .help = "not shown"},
        KMS_OPT_END,
    };
    struct page page = {""};
    kms_opts_help(wide, take_line, &page);
    assert_string_equal(page.text, "      --a-remarkably-long-option\n"
                                   "                            short\n"
                                   "  -n NUMBER                 number\n");
}

struct lists {
    struct kms_texts listen, domains;
    bool listen_given;
};

static const struct kms_opt list_rows[] = {
    {.key = "listen",
     .long_opt = "listen",
     .type = KMS_OPT_TEXTS,
     .offset = offsetof(struct lists, listen),
     .given_offset = offsetof(struct lists, listen_given),
     .preset = "udp:127.0.0.1:161",
     .help = "where"},
    {.key = "domain",
     .long_opt = "domain",
     .short_opt = 'd',
     .type = KMS_OPT_TEXTS,
     .offset = offsetof(struct lists, domains),
     .given_offset = KMS_OPT_NO_GIVEN,
     .help = "which"},
    KMS_OPT_END,
};

static void expect_printed(const struct kms_opt *opt, const struct lists *lists, const char *wanted)
{
    char printed[80];
    kms_opt_print(opt, lists, printed, sizeof printed);
    assert_string_equal(printed, wanted);
}

static void given_texts_replace_the_preset_and_more_are_added(void **state)
{
    (void)state;
    struct lists lists = {0};
    assert_int_equal(kms_opts_preset(list_rows, &lists), KMS_OK);
    assert_false(lists.listen_given);
    expect_printed(&list_rows[0], &lists, "\"udp:127.0.0.1:161\"");
    expect_printed(&list_rows[1], &lists, "{}");
    assert_int_equal(kms_opt_apply(&list_rows[0], "a\"b", &lists, NULL), KMS_OK);
    assert_true(lists.listen_given);
    expect_printed(&list_rows[0], &lists, "\"a\\\"b\"");
    assert_int_equal(kms_opt_apply(&list_rows[0], "c,d", &lists, NULL), KMS_OK);
    expect_printed(&list_rows[0], &lists, "{\"a\\\"b\", \"c,d\"}");
    char small[8];
    kms_opt_print(&list_rows[0], &lists, small, sizeof small);
    assert_int_equal(strlen(small), 7);
    kms_opts_free_values(list_rows, &lists);
    assert_int_equal(lists.listen.count, 0);
    assert_null(lists.listen.text);
}

static void every_use_on_the_command_line_adds_a_text(void **state)
{
    (void)state;
    struct lists lists = {0};
    int rest = 0;
    char *argv[] = {"x", "-d", "a", "--listen=l1", "--domain=b", "--listen", "l2", NULL};
    assert_int_equal(kms_opts_preset(list_rows, &lists), KMS_OK);
    assert_int_equal(kms_opts_argv(list_rows, 7, argv, &lists, &rest, NULL), KMS_OK);
    expect_printed(&list_rows[0], &lists, "{\"l1\", \"l2\"}");
    expect_printed(&list_rows[1], &lists, "{\"a\", \"b\"}");
    kms_opts_free_values(list_rows, &lists);
    char *missing[] = {"x", "-d", NULL};
    struct kms_fault fault = {0};
    assert_int_equal(kms_opts_argv(list_rows, 2, missing, &lists, &rest, &fault), KMS_EINVAL);
    assert_string_equal(fault.text,
                        "--domain: needs a value; allowed: a text, or several as {\"a\", \"b\"}");
}

struct asked {
    char *agent;
    bool agent_given;
};

static const struct kms_opt alone_rows[] = {
    {.key = "agent",
     .long_opt = "agent",
     .type = KMS_OPT_TEXT,
     .offset = offsetof(struct asked, agent),
     .given_offset = offsetof(struct asked, agent_given),
     .alone = "usual",
     .arg = "SOCKET",
     .help = "whom"},
    KMS_OPT_END,
};

static void keep_line(void *arg, const char *text)
{
    kms_text_append(arg, 200, "%s\n", text);
}

static void an_option_may_stand_alone(void **state)
{
    (void)state;
    char *alone[] = {"x", "--agent", "file", NULL};
    char *with[] = {"x", "--agent=there", NULL};
    struct asked asked = {0};
    int rest = 0;
    assert_int_equal(kms_opts_argv(alone_rows, 3, alone, &asked, &rest, NULL), KMS_OK);
    assert_true(asked.agent_given);
    assert_string_equal(asked.agent, "usual");
    assert_string_equal(alone[rest], "file");
    assert_int_equal(kms_opts_argv(alone_rows, 2, with, &asked, &rest, NULL), KMS_OK);
    assert_string_equal(asked.agent, "there");
    kms_opts_free_values(alone_rows, &asked);
    char help[200] = "";
    kms_opts_help(alone_rows, keep_line, help);
    assert_non_null(strstr(help, "--agent[=SOCKET]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_fill_the_values_without_marking_them_given),
        cmocka_unit_test(every_type_is_read_and_printed_as_the_file_writes_it),
        cmocka_unit_test(every_wrong_value_is_named_with_what_is_allowed),
        cmocka_unit_test(the_first_given_word_replaces_the_preset_and_more_are_added),
        cmocka_unit_test(values_that_do_not_fit_the_place_are_cut_not_overrun),
        cmocka_unit_test(given_texts_replace_the_preset_and_more_are_added),
        cmocka_unit_test(every_use_on_the_command_line_adds_a_text),
        cmocka_unit_test(argv_is_read_in_all_its_spellings),
        cmocka_unit_test(an_option_may_stand_alone),
        cmocka_unit_test(counting_stops_at_the_most),
        cmocka_unit_test(every_wrong_command_line_names_the_option),
        cmocka_unit_test(help_is_aligned_and_fits_eighty_columns),
        cmocka_unit_test(a_long_option_stands_on_a_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
