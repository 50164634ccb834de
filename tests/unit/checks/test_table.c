/* Aligned columns: widths in characters, one column that gives way, colours outside of the widths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "checks/table.h"

static void fill(struct kms_table *table)
{
    kms_table_init(table, 3);
    table->shrink = 1;
    table->right[2] = true;
    kms_table_add(table, KMS_COLOUR_BOLD, "NAME");
    kms_table_add(table, KMS_COLOUR_BOLD, "KEY");
    kms_table_add(table, KMS_COLOUR_BOLD, "N");
    kms_table_add(table, KMS_COLOUR_NONE, "k\xc3\xa4se");
    kms_table_add(table, KMS_COLOUR_GREEN, "a key with a name of 33 characters");
    kms_table_add(table, KMS_COLOUR_NONE, "123");
}

static void expect(struct kms_table *table, size_t width, bool colours, const char *text)
{
    struct kms_buf out;

    kms_buf_init(&out, 4096);
    assert_int_equal(kms_table_render(table, 2, width, colours, &out), KMS_OK);
    assert_string_equal(kms_buf_str(&out), text);
    kms_buf_done(&out);
    kms_table_done(table);
}

static void columns_line_up_by_characters(void **state)
{
    struct kms_table table;

    (void)state;
    fill(&table);
    expect(&table, 0, false,
           "  NAME  KEY                                   N\n"
           "  k\xc3\xa4se  a key with a name of 33 characters  123\n");
}

static void one_column_gives_way_to_the_width(void **state)
{
    struct kms_table table;

    (void)state;
    fill(&table);
    assert_int_equal(kms_table_least_width(&table), 4 + 2 + 20 + 2 + 3);
    expect(&table, 40, false,
           "  NAME  KEY                            N\n"
           "  k\xc3\xa4se  a key with a name of 33...   123\n");
}

static void columns_of_nothing_are_left_out_before_anything_is_cut(void **state)
{
    struct kms_table table;

    (void)state;
    fill(&table);
    table.cell[3].text[0] = '\0';
    assert_int_equal(kms_table_least_width(&table), 20 + 2 + 3);
    expect(&table, 41, false,
           "  KEY                                   N\n"
           "  a key with a name of 33 characters  123\n");
}

static void columns_of_nothing_stay_where_there_is_room(void **state)
{
    struct kms_table table;

    (void)state;
    fill(&table);
    table.cell[3].text[0] = '\0';
    expect(&table, 47, false,
           "  NAME  KEY                                   N\n"
           "        a key with a name of 33 characters  123\n");
}

static void columns_are_spared_when_the_one_that_gives_way_has_its_least(void **state)
{
    struct kms_table table;

    (void)state;
    fill(&table);
    table.shrink_min = 28;
    table.spare[0].column = 2;
    expect(&table, 38, false,
           "  NAME  KEY\n"
           "  k\xc3\xa4se  a key with a name of 33 cha...\n");
}

static void a_spared_column_stays_with_its_least(void **state)
{
    struct kms_table table;

    (void)state;
    kms_table_init(&table, 3);
    table.shrink = 2;
    table.spare[0].column = 1;
    table.spare[0].least = 8;
    kms_table_add(&table, KMS_COLOUR_NONE, "HOST");
    kms_table_add(&table, KMS_COLOUR_NONE, "KEY");
    kms_table_add(&table, KMS_COLOUR_NONE, "SUMMARY");
    kms_table_add(&table, KMS_COLOUR_NONE, "kms1");
    kms_table_add(&table, KMS_COLOUR_NONE, "notification (0xC004F035)");
    kms_table_add(&table, KMS_COLOUR_NONE, "count 6: servers ok (5)");
    expect(&table, 40, false,
           "  HOST  KEY         SUMMARY\n"
           "  kms1  notific...  count 6: servers...\n");
}

static void no_row_is_wider_than_the_width(void **state)
{
    (void)state;
    for (size_t width = 9; width < 60; width++) {
        struct kms_table table;
        struct kms_buf out;

        fill(&table);
        kms_buf_init(&out, 4096);
        assert_int_equal(kms_table_render(&table, 2, width, false, &out), KMS_OK);
        for (char *line = out.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            assert_true(kms_text_width(line) <= width);
        }
        kms_buf_done(&out);
        kms_table_done(&table);
    }
}

static void colours_take_no_width(void **state)
{
    struct kms_table table;

    (void)state;
    kms_table_init(&table, 2);
    kms_table_add(&table, KMS_COLOUR_RED, "a");
    kms_table_add(&table, KMS_COLOUR_NONE, "b");
    kms_table_add(&table, KMS_COLOUR_NONE, "aaa");
    kms_table_add(&table, KMS_COLOUR_NONE, "");
    expect(&table, 0, true, "  \x1b[1;31ma\x1b[0m    b\n  aaa\n");
}

static void a_cell_cannot_break_the_line(void **state)
{
    struct kms_table table;

    (void)state;
    kms_table_init(&table, 1);
    kms_table_add(&table, KMS_COLOUR_NONE, "a\nb\x1b[2J");
    expect(&table, 0, false, "  a b?[2J\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_line_up_by_characters),
        cmocka_unit_test(one_column_gives_way_to_the_width),
        cmocka_unit_test(columns_of_nothing_are_left_out_before_anything_is_cut),
        cmocka_unit_test(columns_of_nothing_stay_where_there_is_room),
        cmocka_unit_test(columns_are_spared_when_the_one_that_gives_way_has_its_least),
        cmocka_unit_test(a_spared_column_stays_with_its_least),
        cmocka_unit_test(no_row_is_wider_than_the_width),
        cmocka_unit_test(colours_take_no_width),
        cmocka_unit_test(a_cell_cannot_break_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
