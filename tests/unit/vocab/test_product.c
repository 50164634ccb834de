/* Products: the compiled-in table agrees with the data files, is searched by every name, and a
 * site's own rows are held to the same rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/text.h"
#include "vocab/hostkey.h"
#include "vocab/product.h"

static bool is_kind(const char *kind)
{
    return kms_text_equal(kind, "volume") || kms_text_equal(kind, "retail") ||
           kms_text_equal(kind, "preview");
}

static void every_row_of_the_table_is_valid(void **state)
{
    (void)state;
    size_t count;
    size_t askable = 0;
    const struct kms_product *rows = kms_product_rows(&count);
    assert_int_equal(count, 262);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(kms_product_application(&rows[i]), KMS_APPLICATION_UNKNOWN);
        assert_false(kms_guid_is_zero(&rows[i].sku));
        assert_false(kms_guid_is_zero(&rows[i].counted));
        assert_true(is_kind(rows[i].kind));
        assert_true(rows[i].protocol >= 4 && rows[i].protocol <= 6);
        assert_true(rows[i].n_policy == 5 || rows[i].n_policy == 25);
        assert_true(rows[i].sources[0] != '\0');
        bool volume = kms_text_equal(rows[i].kind, "volume");
        assert_int_equal(kms_product_refusal(&rows[i]) == NULL, volume);
        askable += volume ? 1 : 0;
        for (size_t j = 0; j < i; j++) {
            assert_false(kms_guid_equal(&rows[i].sku, &rows[j].sku));
            assert_false(kms_text_equal_nocase(rows[i].sku_name, rows[j].sku_name));
        }
    }
    assert_true(askable > 150);
}

/* The columns of a line that has no doubled quotes. */
static size_t split(char *line, char *field[16])
{
    size_t count = 0;
    bool quoted = false;
    field[count++] = line;
    for (char *at = line; *at; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (*at == ',' && !quoted && count < 16) {
            *at = '\0';
            field[count++] = at + 1;
        }
    }
    return count;
}

static void rows_agree_with_the_table_of_counted_ids(void **state)
{
    (void)state;
    FILE *file = fopen(KMSMON_DATA_DIR "/kms_ids.csv", "r");
    assert_non_null(file);
    char line[512];
    assert_non_null(fgets(line, sizeof line, file));
    size_t count;
    size_t ids = 0;
    size_t agreed = 0;
    const struct kms_product *rows = kms_product_rows(&count);
    while (fgets(line, sizeof line, file)) {
        char *field[16];
        struct kms_guid counted;
        struct kms_guid application;
        assert_int_equal(split(line, field), 9);
        assert_true(kms_guid_parse(field[0], &counted));
        assert_true(kms_guid_parse(field[1], &application));
        for (size_t i = 0; i < count; i++) {
            if (kms_guid_equal(&rows[i].counted, &counted)) {
                assert_true(kms_guid_equal(&rows[i].application, &application));
                assert_string_equal(rows[i].kind, field[4]);
                assert_int_equal(rows[i].protocol, field[5][0] - '0');
                assert_string_equal(rows[i].n_policy == 5 ? "5" : "25", field[6]);
                agreed++;
            }
        }
        ids++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ids, 36);
    assert_int_equal(agreed, count);
}

static void every_generation_leads_to_a_product_that_may_be_asked_for(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
#define KMS_GENERATION(key_name, sku_name) {key_name, sku_name},
#include "vocab/generation.def"
#undef KMS_GENERATION
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        const struct kms_product *product = kms_product_of_key(rows[i][0]);
        if (rows[i][1][0] == '\0') {
            assert_null(product);
            continue;
        }
        assert_non_null(product);
        assert_string_equal(product->sku_name, rows[i][1]);
        assert_null(kms_product_refusal(product));
    }
}

static void every_channel_and_every_key_range_has_a_generation(void **state)
{
    (void)state;
    static const char *const channels[] = {
#define KMS_CHANNEL(channel, name, classes) name,
#include "vocab/channel.def"
#undef KMS_CHANNEL
    };
    for (size_t i = 0; i < KMS_COUNT_OF(channels); i++) {
        assert_non_null(kms_product_of_key(channels[i]));
    }
    FILE *file = fopen(KMSMON_DATA_DIR "/host_keys.csv", "r");
    assert_non_null(file);
    char line[512];
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        char *field[16];
        assert_true(split(line, field) >= 5);
        assert_int_equal(kms_product_of_key(field[3]) == NULL, kms_text_equal(field[4], "preview"));
    }
    assert_int_equal(fclose(file), 0);
}

static void expect(const struct kms_products *site, const char *text, const char *sku_name)
{
    const struct kms_product *product = kms_product_find(site, text);
    assert_non_null(product);
    assert_string_equal(product->sku_name, sku_name);
}

static void products_are_found_by_each_of_their_names(void **state)
{
    (void)state;
    expect(NULL, "Windows Server 2019 Datacenter", "Windows Server 2019 Datacenter");
    expect(NULL, "windows server 2019 DATACENTER", "Windows Server 2019 Datacenter");
    expect(NULL, "Windows Server 2019", "Windows Server 2019 Standard");
    expect(NULL, "Windows 7", "Windows 7 Enterprise");
    expect(NULL, "Windows 8.1 (Volume)", "Windows 8.1 Enterprise");
    expect(NULL, "Windows Server 2012", "Windows Server 2012 Standard");
    expect(NULL, "Windows Server 2008 C (Datacenter and Itanium)",
           "Windows Server 2008 Datacenter");
    expect(NULL, "Office 2016", "Office Professional Plus 2016");
    expect(NULL, "Office LTSC 2024", "Office LTSC Professional Plus 2024");
    expect(NULL, "Windows Server 2008 R2 B (Standard and Enterprise)",
           "Windows Server 2008 R2 Standard");
    expect(NULL, "Windows Server 2008 R2", "Windows Server 2008 R2 Standard");
    expect(NULL, "windows 10", "Windows 10/11 Enterprise");
    expect(NULL, "34E1AE55-27F8-4950-8877-7a03be5fb181", "Windows Server 2019 Datacenter");
    expect(NULL, "8449b1fb-f0ea-497a-99ab-66ca96e9a0f5", "Windows Server 2019 Standard");
    expect(NULL, "58e2134f-8e11-4d17-9cb2-91069c151148", "Windows 10/11 Enterprise");
    assert_null(kms_product_find(NULL, ""));
    assert_null(kms_product_find(NULL, "Windows Server 2019 "));
    assert_null(kms_product_find(NULL, "Windows 10 and 8.1 Pre-Release"));
    assert_null(kms_product_find(NULL, "4b83307d-7788-50ff-8d1f-1861915bdb9d"));
}

static void the_ids_of_a_product_are_in_the_order_of_the_wire(void **state)
{
    (void)state;
    char text[KMS_GUID_TEXT];
    const struct kms_product *product = kms_product_find(NULL, "Windows Server 2022 Standard");
    assert_non_null(product);
    kms_guid_text(&product->application, text);
    assert_string_equal(text, "55c92734-d682-4d71-983e-d6ec3f16059f");
    assert_int_equal(product->application.wire[0], 0x34);
    kms_guid_text(&product->counted, text);
    assert_string_equal(text, "b74263e4-0f92-46c6-bcf8-c11d5efe2959");
    kms_guid_text(&product->sku, text);
    assert_string_equal(text, "9bd77860-9b31-4b7b-96ad-2564017315bf");
    assert_int_equal(product->protocol, 6);
    assert_int_equal(product->n_policy, 5);
}

static void retail_and_preview_products_are_refused(void **state)
{
    (void)state;
    const char *const names[] = {"Windows 10/11 (retail editions)", "Windows 8.1 (Retail)",
                                 "Windows Server Next (Preview)"};
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        const struct kms_product *product = kms_product_find(NULL, names[i]);
        assert_non_null(product);
        assert_string_equal(kms_product_refusal(product),
                            "a KMS host refuses retail and preview products");
    }
}

static void numbers_that_may_harm_a_host_are_refused(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0, 1, 4, 6, 24, 26, 376, 1000, UINT32_MAX};
    struct kms_product product = *kms_product_preset();
    for (size_t i = 0; i < KMS_COUNT_OF(numbers); i++) {
        product.n_policy = numbers[i];
        assert_non_null(kms_product_refusal(&product));
    }
    product = *kms_product_preset();
    product.protocol = 3;
    assert_non_null(kms_product_refusal(&product));
    product.protocol = 7;
    assert_non_null(kms_product_refusal(&product));
    product = *kms_product_preset();
    product.application = (struct kms_guid){{0}};
    assert_non_null(kms_product_refusal(&product));
    product = *kms_product_preset();
    assert_null(kms_product_refusal(&product));
}

static void the_preset_is_what_hosts_of_every_age_serve(void **state)
{
    (void)state;
    const struct kms_product *preset = kms_product_preset();
    assert_string_equal(preset->sku_name, "Windows Server 2008 R2 Standard");
    assert_int_equal(preset->protocol, 4);
    assert_int_equal(preset->n_policy, 5);
    for (int i = 0; i < 2; i++) {
        enum kms_application office = i ? KMS_APPLICATION_OFFICE : KMS_APPLICATION_OFFICE2010;
        const struct kms_product *product = kms_product_of_application(office);
        assert_int_equal(kms_product_application(product), office);
        assert_int_equal(product->n_policy, 5);
        assert_null(kms_product_older(product));
    }
    assert_null(kms_product_of_application(KMS_APPLICATION_UNKNOWN));
}

static void one_step_back_stays_in_the_application_and_ends(void **state)
{
    (void)state;
    const struct kms_product *product = kms_product_find(NULL, "Windows Server 2025");
    product = kms_product_older(product);
    assert_string_equal(product->sku_name, "Windows Server 2012 Standard");
    product = kms_product_older(product);
    assert_string_equal(product->sku_name, "Windows Server 2008 R2 Standard");
    assert_null(kms_product_older(product));
    product = kms_product_older(kms_product_find(NULL, "Office 2019"));
    assert_string_equal(product->sku_name, "Office Professional Plus 2013");
    assert_null(kms_product_older(product));
    size_t count;
    const struct kms_product *rows = kms_product_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct kms_product *older = kms_product_older(&rows[i]);
        if (older) {
            assert_int_equal(older->protocol + 1, rows[i].protocol);
            assert_true(kms_guid_equal(&older->application, &rows[i].application));
            assert_int_equal(older->n_policy, 5);
            assert_null(kms_product_refusal(older));
        }
    }
}

static void the_host_says_by_its_product_id_what_it_serves(void **state)
{
    (void)state;
    const struct kms_product *product;
    product = kms_product_of_epid("03612-00206-556-123727-03-1033-17763.0000-2972018");
    assert_string_equal(product->sku_name, "Windows Server 2019 Standard");
    product = kms_product_of_epid("06401-00096-199-222222-03-1033-9600.0000-2822018");
    assert_string_equal(product->sku_name, "Office Professional Plus 2010");
    product = kms_product_of_epid("03612-04573-000-204477-03-1033-14393.0000-1972021");
    assert_string_equal(product->sku_name, "Windows Server 2022 Standard");
    assert_null(kms_product_of_epid("11111-00116-106-000474-00-1033-5231.0000-2782005"));
    assert_null(kms_product_of_epid("03612-00206-001-000000-03-1033-17763.0000-2972018"));
    assert_null(kms_product_of_epid("nonsense"));
}

#define HEADER                                                                    \
    "application_id,application,kms_counted_id,kms_product,kind,sku_id,sku_name," \
    "protocol,n_policy,sources,note\n"
#define WINDOWS "55c92734-d682-4d71-983e-d6ec3f16059f"
#define COUNTED "12345678-1234-1234-1234-123456789abc"
#define SKU     "abcdefab-cdef-abcd-efab-cdefabcdefab"
#define ROW     WINDOWS ",Windows," COUNTED ",Windows Server Next,volume," SKU

static void a_site_adds_rows_that_are_looked_into_first(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF# ours\r\n" HEADER ROW
                               ",\"Windows Server \"\"Next\"\", Standard\",6,5,us,\r\n"
                               "\r\n" WINDOWS ",," COUNTED ",Windows Server 2019,volume," SKU
                               ",Our Server,6,25,us,\xC3\xA9";
    struct kms_products site;
    assert_int_equal(kms_products_read(text, sizeof text - 1, &site, NULL), KMS_OK);
    assert_int_equal(site.count, 2);
    expect(&site, "Windows Server Next", "Windows Server \"Next\", Standard");
    expect(&site, "windows server 2019", "Our Server");
    expect(&site, "Windows Server 2019 Standard", "Windows Server 2019 Standard");
    expect(&site, SKU, "Windows Server \"Next\", Standard");
    assert_int_equal(kms_product_find(&site, "Our Server")->n_policy, 25);
    assert_string_equal(kms_product_find(&site, "Our Server")->sources, "us");
    kms_products_done(&site);
    assert_int_equal(site.count, 0);
}

static void columns_are_found_by_their_names(void **state)
{
    (void)state;
    static const char text[] = "sources,N_POLICY,protocol,sku_name,sku_id,kind,kms_product,"
                               "kms_counted_id,application_id\n"
                               "us,5,6,Our Server,\"" SKU "\",volume,Our Product," COUNTED
                               "," WINDOWS "\n";
    struct kms_products site;
    assert_int_equal(kms_products_read(text, sizeof text - 1, &site, NULL), KMS_OK);
    expect(&site, "our product", "Our Server");
    kms_products_done(&site);
}

static void the_shipped_table_can_be_read_as_a_site_reads_it(void **state)
{
    (void)state;
    FILE *file = fopen(KMSMON_DATA_DIR "/products.csv", "r");
    assert_non_null(file);
    static char bytes[200000];
    char line[512];
    size_t len = 0;
    while (fgets(line, sizeof line, file)) {
        if (!strstr(line, ",retail,") && !strstr(line, ",preview,")) {
            assert_true(len + strlen(line) < sizeof bytes);
            memcpy(bytes + len, line, strlen(line));
            len += strlen(line);
        }
    }
    assert_int_equal(fclose(file), 0);
    struct kms_products site;
    assert_int_equal(kms_products_read(bytes, len, &site, NULL), KMS_OK);
    assert_true(site.count > 150);
    for (size_t i = 0; i < site.count; i++) {
        const struct kms_product *row = kms_product_find(NULL, site.row[i].sku_name);
        assert_non_null(row);
        assert_true(kms_guid_equal(&row->sku, &site.row[i].sku));
        assert_true(kms_guid_equal(&row->counted, &site.row[i].counted));
        assert_int_equal(row->protocol, site.row[i].protocol);
        assert_int_equal(row->n_policy, site.row[i].n_policy);
        assert_string_equal(row->sources, site.row[i].sources);
    }
    kms_products_done(&site);
}

static void rows_that_cannot_be_asked_for_are_named_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *part;
    } cases[] = {
        {"", 1, "no line with the names of the columns"},
        {"# nothing\n\n", 1, "no line with the names of the columns"},
        {"application_id,kind\n", 1, "no column 'kms_counted_id'"},
        {HEADER ROW ",Next,6,50,us,\n", 2, "5 or 25"},
        {HEADER ROW ",Next,6,0,us,\n", 2, "5 or 25"},
        {HEADER ROW ",Next,6,-5,us,\n", 2, "not a number: '-5'"},
        {HEADER ROW ",Next,6,4294967301,us,\n", 2, "not a number: '4294967301'"},
        {HEADER ROW ",Next,4294967302,5,us,\n", 2, "not a number: '4294967302'"},
        {HEADER ROW ",Next,7,5,us,\n", 2, "versions 4, 5 and 6"},
        {HEADER ROW ",Next,,5,us,\n", 2, "not a number"},
        {HEADER ROW ",Next,6,5,,\n", 2, "no source"},
        {HEADER ROW ",,6,5,us,\n", 2, "not a name"},
        {HEADER ROW ",N\xC3\xA9xt,6,5,us,\n", 2, "not a name"},
        {HEADER ROW ",Next,6,5,us\n", 2, "not as many fields"},
        {HEADER "\n" ROW ",Next,6,5,us,,\n", 3, "not as many fields"},
        {HEADER ROW ",\"Next,6,5,us,\n", 2, "not a line"},
        {HEADER ROW ",\"Next\"x,6,5,us,\n", 2, "not a line"},
        {HEADER ROW ",Ne\"xt,6,5,us,\n", 2, "not a line"},
        {HEADER WINDOWS ",,x,Next,volume," SKU ",Next,6,5,us,\n", 2, "not a GUID: 'x'"},
        {HEADER WINDOWS ",," COUNTED ",Next,retail," SKU ",Next,6,5,us,\n", 2, "refuses retail"},
        {HEADER WINDOWS ",," COUNTED ",Next,preview," SKU ",Next,6,5,us,\n", 2, "refuses retail"},
        {HEADER SKU ",," COUNTED ",Next,volume," SKU ",Next,6,5,us,\n", 2, "application"},
        {HEADER ROW ",Good,6,5,us,\n" ROW ",Bad,6,6,us,\n", 3, "5 or 25"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_products site;
        struct kms_fault fault = {0};
        assert_int_equal(kms_products_read(cases[i].text, strlen(cases[i].text), &site, &fault),
                         KMS_ESYNTAX);
        assert_int_equal(site.count, 0);
        assert_null(site.row);
        if (!strstr(fault.text, cases[i].part)) {
            fail_msg("case %zu: '%s' lacks '%s'", i, fault.text, cases[i].part);
        }
        assert_int_equal(fault.offset, cases[i].line);
    }
}

static void a_zero_byte_or_too_many_columns_are_no_csv(void **state)
{
    (void)state;
    static const char zero[] = HEADER ROW ",Ne\0xt,6,5,us,\n";
    struct kms_products site;
    assert_int_equal(kms_products_read(zero, sizeof zero - 1, &site, NULL), KMS_ESYNTAX);
    char commas[100];
    memset(commas, ',', sizeof commas);
    assert_int_equal(kms_products_read(commas, sizeof commas, &site, NULL), KMS_ESYNTAX);
}

static void more_rows_than_a_site_may_add_are_refused(void **state)
{
    (void)state;
    static const char row[] = ROW ",Next,6,5,us,\n";
    struct kms_buf buf;
    kms_buf_init(&buf, 1024 * 1024);
    assert_int_equal(kms_buf_add_str(&buf, HEADER), KMS_OK);
    for (size_t i = 0; i < KMS_PRODUCTS_MAX; i++) {
        assert_int_equal(kms_buf_add_str(&buf, row), KMS_OK);
    }
    struct kms_products site;
    assert_int_equal(kms_products_read(buf.data, buf.len, &site, NULL), KMS_OK);
    assert_int_equal(site.count, KMS_PRODUCTS_MAX);
    kms_products_done(&site);
    assert_int_equal(kms_buf_add_str(&buf, row), KMS_OK);
    assert_int_equal(kms_products_read(buf.data, buf.len, &site, NULL), KMS_ESYNTAX);
    assert_int_equal(site.count, 0);
    kms_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_valid),
        cmocka_unit_test(rows_agree_with_the_table_of_counted_ids),
        cmocka_unit_test(every_generation_leads_to_a_product_that_may_be_asked_for),
        cmocka_unit_test(every_channel_and_every_key_range_has_a_generation),
        cmocka_unit_test(products_are_found_by_each_of_their_names),
        cmocka_unit_test(the_ids_of_a_product_are_in_the_order_of_the_wire),
        cmocka_unit_test(retail_and_preview_products_are_refused),
        cmocka_unit_test(numbers_that_may_harm_a_host_are_refused),
        cmocka_unit_test(the_preset_is_what_hosts_of_every_age_serve),
        cmocka_unit_test(one_step_back_stays_in_the_application_and_ends),
        cmocka_unit_test(the_host_says_by_its_product_id_what_it_serves),
        cmocka_unit_test(a_site_adds_rows_that_are_looked_into_first),
        cmocka_unit_test(columns_are_found_by_their_names),
        cmocka_unit_test(the_shipped_table_can_be_read_as_a_site_reads_it),
        cmocka_unit_test(rows_that_cannot_be_asked_for_are_named_with_their_line),
        cmocka_unit_test(a_zero_byte_or_too_many_columns_are_no_csv),
        cmocka_unit_test(more_rows_than_a_site_may_add_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
