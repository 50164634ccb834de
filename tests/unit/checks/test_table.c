/* Aligned columns: widths in characters, one column that gives way, colours outside of the widths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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
           "  k\xc3\xa4se  a key with a name of 33 ch.  123\n");
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
        cmocka_unit_test(colours_take_no_width),
        cmocka_unit_test(a_cell_cannot_break_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
