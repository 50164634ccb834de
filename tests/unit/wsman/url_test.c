/* Where the listener of a host is, from what the site says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "wsman/url.h"

struct row {
    const char *url, *name, *address;
    const char *whole, *host, *connect;
    bool tls;
};

static void the_url_is_completed(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "kms01.lab.test", "kms01.lab.test", "https://kms01.lab.test:5986/wsman",
         "kms01.lab.test", NULL, true},
        {NULL, "kms01.lab.test", "192.0.2.7", "https://kms01.lab.test:5986/wsman", "kms01.lab.test",
         "192.0.2.7", true},
        {NULL, "192.0.2.7", "192.0.2.7", "https://192.0.2.7:5986/wsman", "192.0.2.7", NULL, true},
        {NULL, "2001:db8::7", "2001:db8::7", "https://[2001:db8::7]:5986/wsman", "2001:db8::7",
         NULL, true},
        {"https://kms01.lab.test", "x", "y", "https://kms01.lab.test:5986/wsman", "kms01.lab.test",
         NULL, true},
        {"HTTP://kms01.lab.test/", "x", "y", "http://kms01.lab.test:5985/wsman", "kms01.lab.test",
         NULL, false},
        {"https://kms01:443/winrm/wsman", "x", "y", "https://kms01:443/winrm/wsman", "kms01", NULL,
         true},
        {"http://[::1]:8080", "x", "y", "http://[::1]:8080/wsman", "::1", NULL, false},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        struct kms_wsman_url url;
        assert_int_equal(kms_wsman_url_make(rows[i].url, rows[i].name, rows[i].address, &url, NULL),
                         KMS_OK);
        assert_string_equal(url.url, rows[i].whole);
        assert_string_equal(url.host, rows[i].host);
        assert_true(kms_text_equal(url.address, rows[i].connect));
        assert_int_equal(url.tls, rows[i].tls);
        kms_wsman_url_done(&url);
    }
}

static void a_wrong_url_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        size_t at;
        const char *says;
    } rows[] = {
        {"kms01.lab.test", 0, "does not begin with https://"},
        {"ftp://kms01", 0, "does not begin with https://"},
        {"https://", 8, "names no host"},
        {"https://:5986/wsman", 8, "names no host"},
        {"https://kms01:0", 13, "not a port"},
        {"https://kms01:65536", 13, "not a port"},
        {"https://kms01:12x/wsman", 13, "not a port"},
        {"https://[::1/wsman", 8, "closing bracket"},
        {"https://[::1]x/wsman", 13, "not a port"},
        {"https://user:secret@kms01/wsman", 8, "credentials block"},
        {"https://kms01/wsman?x=1", 13, "more than a path"},
        {"https://kms01/ws man", 0, "blank"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        struct kms_wsman_url url = {0};
        struct kms_fault fault = {.text = ""};
        assert_int_equal(kms_wsman_url_make(rows[i].url, "n", "n", &url, &fault), KMS_EINVAL);
        assert_int_equal(fault.offset, rows[i].at);
        assert_non_null(strstr(fault.text, rows[i].says));
        assert_null(strstr(fault.text, "secret"));
        assert_null(url.url);
    }
}

static void a_url_beyond_all_measure_is_refused(void **state)
{
    (void)state;
    char name[2048];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct kms_wsman_url url = {0};
    assert_int_equal(kms_wsman_url_make(NULL, name, name, &url, NULL), KMS_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_is_completed),
        cmocka_unit_test(a_wrong_url_is_refused_with_its_place),
        cmocka_unit_test(a_url_beyond_all_measure_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
