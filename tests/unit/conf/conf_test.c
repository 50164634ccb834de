/* Configuration text as a tree: what is read, and what is said about what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/text.h"

struct reading {
    struct kms_buf text;
    struct kms_conf_errors errors;
    struct kms_conf *conf;
};

/* Files of a test: names and contents in pairs. */
struct files {
    const char *const (*pair)[2];
    size_t count;
};

/* "*" means all files. */
static enum kms_status expand(void *arg, const char *from, const char *pattern, char ***ret_names,
                              size_t *ret_count, struct kms_fault *fault)
{
    (void)from;
    const struct files *files = arg;
    if (kms_text_equal(pattern, "refused")) {
        return kms_fault_set(fault, KMS_EIO, 0, "'refused' cannot be searched");
    }
    char **names = calloc(files->count + 1, sizeof *names);
    size_t count = 0;
    if (kms_text_equal(pattern, "*")) {
        for (; count < files->count; count++) {
            names[count] = kms_text_dup(files->pair[count][0]);
        }
    } else {
        names[count++] = kms_text_dup(pattern);
    }
    *ret_names = names;
    *ret_count = count;
    return KMS_OK;
}

static enum kms_status read_text(void *arg, const char *name, struct kms_buf *text,
                                 uint64_t ret_identity[2], struct kms_fault *fault)
{
    const struct files *files = arg;
    for (size_t i = 0; i < files->count; i++) {
        if (kms_text_equal(files->pair[i][0], name)) {
            ret_identity[0] = 0;
            ret_identity[1] = 0;
            return kms_buf_add_str(text, files->pair[i][1]);
        }
    }
    return kms_fault_set(fault, KMS_ENOTFOUND, 0, "'%s': no such file", name);
}

static void read_bytes(struct reading *r, const char *bytes, size_t len, struct files *files)
{
    const struct kms_conf_source source = {.expand = expand, .read = read_text, .arg = files};
    kms_buf_init(&r->text, 65536);
    kms_conf_errors_init(&r->errors, &r->text);
    r->conf = kms_conf_parse("t.conf", bytes, len, files ? &source : NULL, &r->errors);
    kms_conf_errors_end(&r->errors);
    assert_non_null(r->conf);
}

static void read_str(struct reading *r, const char *str)
{
    read_bytes(r, str, strlen(str), NULL);
}

static void done(struct reading *r)
{
    kms_conf_free(r->conf);
    kms_buf_done(&r->text);
}

static const struct kms_conf_node *first(const struct reading *r)
{
    return kms_conf_root(r->conf)->child;
}

static void expect_errors(const char *str, const char *wanted)
{
    struct reading r;
    read_str(&r, str);
    assert_string_equal(kms_buf_str(&r.text), wanted);
    assert_int_equal(r.errors.status, wanted[0] ? KMS_EINVAL : KMS_OK);
    done(&r);
}

static void a_setting_needs_no_equal_sign(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "agentx   \"unix:/run/agentx/master\"\ninterval 60s\nlevel=info\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    const struct kms_conf_node *node = first(&r);
    assert_string_equal(node->name, "agentx");
    assert_string_equal(node->value[0], "unix:/run/agentx/master");
    assert_int_equal(node->line, 1);
    node = node->next;
    assert_string_equal(node->name, "interval");
    assert_string_equal(node->value[0], "60s");
    assert_int_equal(node->line, 2);
    node = node->next;
    assert_string_equal(node->name, "level");
    assert_string_equal(node->value[0], "info");
    assert_null(node->next);
    done(&r);
}

static void blocks_lists_and_several_settings_on_one_line_are_read(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "host \"kms01.corp.example.com\" {\n"
                 "  classes = {\"server\", client,}   # why\n"
                 "  report  { url = \"file:///in/kms01.txt\" max-age = 26h }\n"
                 "}\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    const struct kms_conf_node *host = first(&r);
    assert_true(host->block);
    assert_string_equal(host->title, "kms01.corp.example.com");
    const struct kms_conf_node *classes = host->child;
    assert_true(classes->list);
    assert_int_equal(classes->value_count, 2);
    assert_string_equal(classes->value[0], "server");
    assert_string_equal(classes->value[1], "client");
    const struct kms_conf_node *report = classes->next;
    assert_true(report->block);
    assert_null(report->title);
    assert_string_equal(report->child->value[0], "file:///in/kms01.txt");
    assert_string_equal(report->child->next->name, "max-age");
    assert_string_equal(report->child->next->value[0], "26h");
    assert_int_equal(report->child->next->line, 3);
    done(&r);
}

static void a_brace_may_stand_on_the_next_line(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "host kms01\n{\n  report\n  {\n    url /x\n  }\n}\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->title, "kms01");
    assert_string_equal(first(&r)->child->child->value[0], "/x");
    done(&r);
}

static void every_kind_of_comment_is_skipped(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "# one\n// two\n/* three\n lines */ a 1 # x\nb /* in */ = /* between */ 2 // y\n"
                 "c 3# no blank before\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->value[0], "1");
    assert_int_equal(first(&r)->line, 4);
    assert_string_equal(first(&r)->next->value[0], "2");
    assert_string_equal(first(&r)->next->next->value[0], "3");
    done(&r);
}

static void slashes_inside_a_word_are_no_comment(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "url http://s/a?b=c\nurl = file:///x/*.txt\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->value[0], "http://s/a?b=c");
    assert_string_equal(first(&r)->next->value[0], "file:///x/*.txt");
    done(&r);
}

static void strings_have_two_escapes_and_hide_comment_marks(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "a \"say \\\"x\\\" \\\\ # {,} // end\"\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->value[0], "say \"x\" \\ # {,} // end");
    done(&r);
}

static void a_byte_order_mark_and_crlf_are_fine(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "\xEF\xBB\xBF"
                 "a 1\r\nb \"2\"\r\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->value[0], "1");
    assert_string_equal(first(&r)->next->value[0], "2");
    done(&r);
}

static void an_empty_text_is_an_empty_tree(void **state)
{
    (void)state;
    struct reading r;
    read_bytes(&r, NULL, 0, NULL);
    assert_int_equal(r.errors.status, KMS_OK);
    assert_null(first(&r));
    done(&r);
}

static void quoting_reads_back_to_the_same_text(void **state)
{
    (void)state;
    const char *text = "a \"b\" \\ c\t# {x} \xC3\xA4";
    struct kms_buf buf;
    kms_buf_init(&buf, 4096);
    assert_int_equal(kms_buf_add_str(&buf, "k "), KMS_OK);
    assert_int_equal(kms_conf_quote(&buf, text), KMS_OK);
    struct reading r;
    read_str(&r, kms_buf_str(&buf));
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_string_equal(first(&r)->value[0], text);
    done(&r);
    kms_buf_done(&buf);
}

static void all_errors_of_a_file_are_reported(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "interval\n"
                 "\"x\" = 3\n"
                 "a = 'b'\n"
                 "good 1\n"
                 "c = server, client\n"
                 "}\n"
                 "d = \"open\n"
                 "e = \"\\n\"\n"
                 "last 2\n");
    assert_string_equal(
        kms_buf_str(&r.text),
        "t.conf:1: interval: the value is missing; allowed: interval = VALUE on one line\n"
        "t.conf:2: '\"' is not expected here; allowed: a key without quotes, then its value\n"
        "t.conf:3: a string begins with a single quote; allowed: \"text\"\n"
        "t.conf:5: ',' is not expected here; allowed: several values as key = {a, b}\n"
        "t.conf:6: this } closes nothing\n"
        "t.conf:7: this string is not closed on its line; allowed: \"text\"\n"
        "t.conf:8: a backslash before 'n' means nothing; allowed: \\\" and \\\\\n");
    const struct kms_conf_node *node = first(&r);
    assert_string_equal(node->name, "good");
    assert_string_equal(node->next->name, "c");
    assert_string_equal(node->next->next->name, "last");
    done(&r);
}

static void a_missing_value_before_a_brace_keeps_the_block_whole(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "host h { port }\nb 1\n");
    assert_string_equal(kms_buf_str(&r.text), "t.conf:1: the value is missing before '}'; allowed: "
                                              "a word or \"text\"\n");
    assert_string_equal(first(&r)->name, "host");
    assert_string_equal(first(&r)->next->name, "b");
    done(&r);
}

static void a_wrong_statement_takes_its_braces_with_it(void **state)
{
    (void)state;
    struct reading r;
    read_str(&r, "x = , {\n  y { z 1 }\n  \"}\" }\nb 1\n");
    assert_int_equal(r.errors.count, 1);
    assert_string_equal(first(&r)->name, "b");
    assert_null(first(&r)->next);
    done(&r);
}

static void an_open_block_names_the_line_it_began_on(void **state)
{
    (void)state;
    expect_errors("a 1\nhost x {\n port 3\n", "t.conf:2: block 'host' is not closed; allowed: }\n");
}

static void an_open_comment_names_the_line_it_began_on(void **state)
{
    (void)state;
    expect_errors("a 1\n/* b\n\n", "t.conf:2: this comment is not closed; allowed: */\n");
}

static void an_open_list_is_an_error(void **state)
{
    (void)state;
    expect_errors("a = { b,\n c", "t.conf:1: a: this list is not closed; allowed: }\n");
}

static void a_list_without_commas_is_an_error(void **state)
{
    (void)state;
    expect_errors("a = {b c}\nd 1\n",
                  "t.conf:1: a: 'c' in a list; allowed: , between values and } at the end\n");
}

static void a_zero_byte_means_no_text(void **state)
{
    (void)state;
    struct reading r;
    const char utf16[] = "\xFF\xFE"
                         "a\0=\0001\0";
    read_bytes(&r, utf16, sizeof utf16 - 1, NULL);
    assert_string_equal(kms_buf_str(&r.text),
                        "t.conf: this is not a text file (it has a zero byte); allowed: text in "
                        "UTF-8\n");
    done(&r);
}

static void text_that_is_not_utf8_is_an_error_but_comments_may_be_anything(void **state)
{
    (void)state;
    expect_errors("# gr\xFC\xDF\na 1\n", "");
    expect_errors("a \"gr\xFC\xDF\"\n",
                  "t.conf:1: this text is not UTF-8; save the file as UTF-8\n");
}

static void control_bytes_in_strings_are_errors(void **state)
{
    (void)state;
    expect_errors("a \"b\x01\x02\"\n",
                  "t.conf:1: control byte 0x01 in a string; allowed: visible text\n");
}

static void twenty_errors_are_shown_and_the_rest_counted(void **state)
{
    (void)state;
    struct kms_buf many;
    kms_buf_init(&many, 65536);
    for (int i = 0; i < 33; i++) {
        assert_int_equal(kms_buf_add_str(&many, "}\n"), KMS_OK);
    }
    struct reading r;
    read_str(&r, kms_buf_str(&many));
    const char *text = kms_buf_str(&r.text);
    assert_non_null(strstr(text, "t.conf:20: "));
    assert_null(strstr(text, "t.conf:21: "));
    assert_non_null(strstr(text, "and 13 more errors\n"));
    done(&r);
    kms_buf_done(&many);
}

static void limits_hold(void **state)
{
    (void)state;
    struct kms_buf text;
    kms_buf_init(&text, 65536);
    assert_int_equal(kms_buf_add_str(&text, "a "), KMS_OK);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(kms_buf_add_str(&text, "x"), KMS_OK);
    }
    assert_int_equal(kms_buf_add_str(&text, "\nb 1\n"), KMS_OK);
    expect_errors(kms_buf_str(&text), "t.conf:1: this text is too long; allowed: 4096 bytes\n");
    kms_buf_clear(&text);
    assert_int_equal(kms_buf_add_str(&text, "a = {"), KMS_OK);
    for (int i = 0; i < 65; i++) {
        assert_int_equal(kms_buf_add_str(&text, "x,"), KMS_OK);
    }
    assert_int_equal(kms_buf_add_str(&text, "}\n"), KMS_OK);
    expect_errors(kms_buf_str(&text), "t.conf:1: a: too many values; allowed: 64\n");
    kms_buf_done(&text);
    expect_errors("a{b{c{d{e{f{g{h{i{j 1}}}}}}}}}\nz 1\n",
                  "t.conf:1: i: blocks stand in each other too deep; allowed: 8 levels\n");
}

static void includes_put_their_settings_where_they_stand(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"a", "x 1\ninclude b\n"}, {"b", "y 2\n"}};
    struct files files = {pair, 2};
    struct reading r;
    const char *text = "host h { include \"a\" }\nz 3\n";
    read_bytes(&r, text, strlen(text), &files);
    assert_string_equal(kms_buf_str(&r.text), "");
    const struct kms_conf_node *x = first(&r)->child;
    assert_string_equal(x->name, "x");
    assert_string_equal(x->file, "a");
    assert_int_equal(x->line, 1);
    assert_string_equal(x->next->name, "y");
    assert_string_equal(x->next->file, "b");
    assert_string_equal(first(&r)->next->name, "z");
    done(&r);
}

static void an_include_that_comes_back_to_itself_is_an_error(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"a", "include b\n"}, {"b", "\ninclude a\n"}};
    struct files files = {pair, 2};
    struct reading r;
    read_bytes(&r, "include a\n", 10, &files);
    assert_string_equal(kms_buf_str(&r.text),
                        "b:2: include: 'a' is being read already; a file may not include itself\n");
    done(&r);
}

static void includes_nest_eight_deep_and_no_deeper(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"1", "include 2"}, {"2", "include 3"}, {"3", "include 4"},
        {"4", "include 5"}, {"5", "include 6"}, {"6", "include 7"},
        {"7", "include 8"}, {"8", "include 9"}, {"9", "x 1"}};
    struct files files = {pair, 9};
    struct reading r;
    read_bytes(&r, "include 2\n", 10, &files);
    assert_string_equal(kms_buf_str(&r.text), "");
    done(&r);
    read_bytes(&r, "include 1\n", 10, &files);
    assert_string_equal(kms_buf_str(&r.text),
                        "8:1: include: files include each other too deep; allowed: 8 levels\n");
    done(&r);
}

static void files_that_include_all_files_end_in_time(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"1", "include *"}, {"2", "include *"},  {"3", "include *"},  {"4", "include *"},
        {"5", "include *"}, {"6", "include *"},  {"7", "include *"},  {"8", "include *"},
        {"9", "include *"}, {"10", "include *"}, {"11", "include *"}, {"12", "include *"}};
    struct files files = {pair, 12};
    struct reading r;
    read_bytes(&r, "include *\n", 10, &files);
    assert_int_equal(r.errors.status, KMS_EINVAL);
    done(&r);
}

/* Any number of files that say nothing but a line each. */
static enum kms_status expand_to_many(void *arg, const char *from, const char *pattern,
                                      char ***ret_names, size_t *ret_count, struct kms_fault *fault)
{
    (void)from;
    (void)pattern;
    (void)fault;
    size_t count = *(const size_t *)arg;
    char **names = calloc(count, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < count; i++) {
        names[i] = kms_text_dup("drop-in");
    }
    *ret_names = names;
    *ret_count = count;
    return KMS_OK;
}

static enum kms_status read_one_of_many(void *arg, const char *name, struct kms_buf *text,
                                        uint64_t ret_identity[2], struct kms_fault *fault)
{
    (void)arg;
    (void)name;
    (void)fault;
    ret_identity[0] = 0;
    ret_identity[1] = 0;
    return kms_buf_add_str(text, "a 1\n");
}

static void include_many(struct reading *r, size_t count, const char *str)
{
    const struct kms_conf_source source = {
        .expand = expand_to_many, .read = read_one_of_many, .arg = &count};
    kms_buf_init(&r->text, 65536);
    kms_conf_errors_init(&r->errors, &r->text);
    r->conf = kms_conf_parse("t.conf", str, strlen(str), &source, &r->errors);
    kms_conf_errors_end(&r->errors);
    assert_non_null(r->conf);
}

static size_t count_children(const struct reading *r)
{
    size_t count = 0;
    for (const struct kms_conf_node *node = first(r); node; node = node->next) {
        count++;
    }
    return count;
}

static void twenty_thousand_files_of_one_wildcard_are_all_read(void **state)
{
    (void)state;
    struct reading r;
    include_many(&r, 20000, "include \"*\"\n");
    assert_string_equal(kms_buf_str(&r.text), "");
    assert_int_equal(count_children(&r), 20000);
    done(&r);
}

static void one_file_too_many_is_an_error_at_the_include(void **state)
{
    (void)state;
    struct reading r;
    include_many(&r, 20001, "\ninclude \"*\"\nb 2\ninclude \"*\"\n");
    assert_string_equal(kms_buf_str(&r.text),
                        "t.conf:2: include: too many files; allowed: 20000\n"
                        "t.conf:4: include: too many files; allowed: 20000\n");
    assert_int_equal(r.errors.status, KMS_EINVAL);
    assert_int_equal(count_children(&r), 20001);
    done(&r);
}

static void wrong_includes_say_why(void **state)
{
    (void)state;
    struct files files = {NULL, 0};
    struct reading r;
    const char *text = "include nowhere\ninclude = {a, b}\ninclude \"refused\"\n";
    read_bytes(&r, text, strlen(text), &files);
    assert_string_equal(
        kms_buf_str(&r.text),
        "t.conf:1: include: 'nowhere': no such file\n"
        "t.conf:2: include: takes one file or pattern; allowed: include \"conf.d/*.conf\"\n"
        "t.conf:3: include: 'refused' cannot be searched\n");
    done(&r);
    expect_errors("include x\n", "t.conf:1: include: there are no files here\n");
}

static void every_truncation_of_a_file_ends_well(void **state)
{
    (void)state;
    const char *text = "a = {b, \"c\"} # x\nhost \"h\\\"\" { /* y */ report { url = \"z\" } }\n";
    for (size_t len = 0; len <= strlen(text); len++) {
        char *copy = kms_text_dup_len(text, len);
        struct reading r;
        read_bytes(&r, copy, len, NULL);
        done(&r);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_needs_no_equal_sign),
        cmocka_unit_test(blocks_lists_and_several_settings_on_one_line_are_read),
        cmocka_unit_test(a_brace_may_stand_on_the_next_line),
        cmocka_unit_test(every_kind_of_comment_is_skipped),
        cmocka_unit_test(slashes_inside_a_word_are_no_comment),
        cmocka_unit_test(strings_have_two_escapes_and_hide_comment_marks),
        cmocka_unit_test(a_byte_order_mark_and_crlf_are_fine),
        cmocka_unit_test(an_empty_text_is_an_empty_tree),
        cmocka_unit_test(quoting_reads_back_to_the_same_text),
        cmocka_unit_test(all_errors_of_a_file_are_reported),
        cmocka_unit_test(a_missing_value_before_a_brace_keeps_the_block_whole),
        cmocka_unit_test(a_wrong_statement_takes_its_braces_with_it),
        cmocka_unit_test(an_open_block_names_the_line_it_began_on),
        cmocka_unit_test(an_open_comment_names_the_line_it_began_on),
        cmocka_unit_test(an_open_list_is_an_error),
        cmocka_unit_test(a_list_without_commas_is_an_error),
        cmocka_unit_test(a_zero_byte_means_no_text),
        cmocka_unit_test(text_that_is_not_utf8_is_an_error_but_comments_may_be_anything),
        cmocka_unit_test(control_bytes_in_strings_are_errors),
        cmocka_unit_test(twenty_errors_are_shown_and_the_rest_counted),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(includes_put_their_settings_where_they_stand),
        cmocka_unit_test(an_include_that_comes_back_to_itself_is_an_error),
        cmocka_unit_test(includes_nest_eight_deep_and_no_deeper),
        cmocka_unit_test(files_that_include_all_files_end_in_time),
        cmocka_unit_test(twenty_thousand_files_of_one_wildcard_are_all_read),
        cmocka_unit_test(one_file_too_many_is_an_error_at_the_include),
        cmocka_unit_test(wrong_includes_say_why),
        cmocka_unit_test(every_truncation_of_a_file_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
