/* The SNMP engine keeps its id, and its count of starts only grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/snmp_engine.h"
#include "base/file.h"
#include "base/text.h"

static char folder[] = "/tmp/kmsmon-engine.XXXXXX";
static char path[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && kms_text_format(path, sizeof path, "%s/snmp-engine", folder)
               ? 0
               : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static struct kms_snmp_engine start(void)
{
    struct kms_snmp_engine engine;
    assert_int_equal(kms_snmp_engine_start(folder, &engine, NULL), KMS_OK);
    return engine;
}

static void write_file(const char *text)
{
    assert_int_equal(kms_file_replace(path, text, strlen(text), 0600, NULL), KMS_OK);
}

static void the_first_start_makes_an_id_of_its_own(void **state)
{
    (void)state;
    (void)unlink(path);
    struct kms_snmp_engine one = start();
    assert_int_equal(one.boots, 1);
    assert_int_equal(one.id_len, 17);
    static const uint8_t octets_of_net_snmp[] = {0x80, 0x00, 0x1f, 0x88, 0x05};
    assert_memory_equal(one.id, octets_of_net_snmp, sizeof octets_of_net_snmp);
    (void)unlink(path);
    struct kms_snmp_engine other = start();
    assert_memory_not_equal(one.id, other.id, one.id_len);
}

static void the_id_stays_and_the_count_grows(void **state)
{
    (void)state;
    (void)unlink(path);
    struct kms_snmp_engine first = start();
    for (int64_t boots = 2; boots < 5; boots++) {
        struct kms_snmp_engine next = start();
        assert_int_equal(next.boots, boots);
        assert_int_equal(next.id_len, first.id_len);
        assert_memory_equal(next.id, first.id, first.id_len);
    }
}

static void nobody_else_reads_the_file(void **state)
{
    (void)state;
    struct stat st;
    (void)start();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_id_of_another_kind_is_kept(void **state)
{
    (void)state;
    write_file("boots 41\nid 8000000001\n");
    struct kms_snmp_engine engine = start();
    assert_int_equal(engine.boots, 42);
    assert_int_equal(engine.id_len, 5);
}

static void a_file_that_makes_no_sense_is_refused_and_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "id 8000000001\n",
        "boots 3\n",
        "id 80000000\nboots 3\n",
        "id 800000000\nboots 3\n",
        "id 80000000zz\nboots 3\n",
        "id 0x80000000\nboots 3\n",
        "id 800000000102030405060708090a0b0c0d0e0f1011121314151617181920212223\nboots 3\n",
        "id 8000000001\nboots 0\n",
        "id 8000000001\nboots -1\n",
        "id 8000000001\nboots 2147483646\n",
        "id 8000000001\nboots 99999999999999999999\n",
        "id 8000000001\nboots 3\nboots 4\n",
        "id 8000000001\nboots 3\nmore\n",
        "id 8000000001\n\nboots 3\n",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(texts); i++) {
        struct kms_snmp_engine engine = {.boots = 7};
        struct kms_fault fault = {0};
        write_file(texts[i]);
        assert_int_equal(kms_snmp_engine_start(folder, &engine, &fault), KMS_ESYNTAX);
        assert_int_equal(engine.boots, 7);
        assert_non_null(strstr(fault.text, "restore it, or remove it"));
        struct kms_buf kept;
        kms_buf_init(&kept, 1024);
        assert_int_equal(kms_file_read(path, &kept, NULL, NULL), KMS_OK);
        assert_string_equal(kms_buf_str(&kept), texts[i]);
        kms_buf_done(&kept);
    }
}

static void the_count_may_reach_the_highest_but_one(void **state)
{
    (void)state;
    write_file("id 8000000001\nboots 2147483645\n");
    assert_int_equal(start().boots, 2147483646);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct kms_snmp_engine engine;
    struct kms_fault fault = {0};
    assert_int_equal(kms_snmp_engine_start("/nowhere/at/all", &engine, &fault), KMS_EIO);
    assert_true(fault.text[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_makes_an_id_of_its_own),
        cmocka_unit_test(the_id_stays_and_the_count_grows),
        cmocka_unit_test(nobody_else_reads_the_file),
        cmocka_unit_test(an_id_of_another_kind_is_kept),
        cmocka_unit_test(a_file_that_makes_no_sense_is_refused_and_kept),
        cmocka_unit_test(the_count_may_reach_the_highest_but_one),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
