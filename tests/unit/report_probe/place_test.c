/* What may stand for a report in a configuration or on a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "report/place.h"

static void expect(const char *url, enum kms_place_kind kind, const char *path, const char *name)
{
    struct kms_place place;
    struct kms_fault fault = {0};
    if (kms_place_parse(url, &place, &fault) != KMS_OK) {
        fail_msg("%s: %s", url, fault.text);
    }
    assert_int_equal(place.kind, kind);
    if (path) {
        assert_string_equal(place.path, path);
    } else {
        assert_null(place.path);
    }
    assert_string_equal(place.name, name);
    kms_place_done(&place);
}

static void refuse(const char *url, const char *why)
{
    struct kms_place place;
    struct kms_fault fault = {0};
    assert_int_equal(kms_place_parse(url, &place, &fault), KMS_EINVAL);
    if (!strstr(fault.text, why)) {
        fail_msg("'%s' does not say '%s'", fault.text, why);
    }
}

static void a_path_is_taken_as_it_is(void **state)
{
    (void)state;
    expect("/var/lib/kms 1.txt", KMS_PLACE_FILE, "/var/lib/kms 1.txt", "/var/lib/kms 1.txt");
    expect("100%25.txt", KMS_PLACE_FILE, "100%25.txt", "100%25.txt");
    expect("dir/a://b", KMS_PLACE_FILE, "dir/a://b", "dir/a://b");
    expect("file.txt", KMS_PLACE_FILE, "file.txt", "file.txt");
    expect("--", KMS_PLACE_FILE, "--", "--");
}

static void a_dash_is_standard_input(void **state)
{
    (void)state;
    expect("-", KMS_PLACE_STDIN, NULL, "standard input");
}

static void a_file_url_is_decoded(void **state)
{
    (void)state;
    expect("file:///var/in/kms%201.txt", KMS_PLACE_FILE, "/var/in/kms 1.txt", "/var/in/kms 1.txt");
    expect("FILE:///a%2Fb%25", KMS_PLACE_FILE, "/a/b%", "/a/b%");
    expect("file:/a", KMS_PLACE_FILE, "/a", "/a");
    expect("file://localhost/a", KMS_PLACE_FILE, "/a", "/a");
    expect("file:///k%C3%A4se", KMS_PLACE_FILE, "/k\xC3\xA4se", "/k\xC3\xA4se");
}

static void a_broken_escape_is_refused(void **state)
{
    (void)state;
    refuse("file:///a%2", "hexadecimal");
    refuse("file:///a%", "hexadecimal");
    refuse("file:///a%zz", "hexadecimal");
    refuse("file:///a%0x", "hexadecimal");
    refuse("file:///a%00b", "hexadecimal");
}

static void another_machine_in_a_file_url_is_refused(void **state)
{
    (void)state;
    refuse("file://server/share/kms.txt", "no other machine");
    refuse("file://localhost", "no other machine");
    refuse("file://", "no other machine");
}

static void a_web_address_is_named_without_its_secrets(void **state)
{
    (void)state;
    expect("http://w.example/kms.txt", KMS_PLACE_HTTP, "http://w.example/kms.txt",
           "http://w.example/kms.txt");
    expect("HTTPS://me:p@ss@w.example:8443/a@b?token=x#y", KMS_PLACE_HTTP,
           "HTTPS://me:p@ss@w.example:8443/a@b?token=x#y", "HTTPS://w.example:8443/a@b");
    expect("https://w.example?u=a@b", KMS_PLACE_HTTP, "https://w.example?u=a@b",
           "https://w.example");
}

static void a_web_address_names_a_server_and_a_port_that_there_is(void **state)
{
    (void)state;
    expect("http://w:1/", KMS_PLACE_HTTP, "http://w:1/", "http://w:1/");
    expect("http://w:65535", KMS_PLACE_HTTP, "http://w:65535", "http://w:65535");
    expect("http://w:/x", KMS_PLACE_HTTP, "http://w:/x", "http://w:/x");
    expect("http://[2001:db8::1]:80/x", KMS_PLACE_HTTP, "http://[2001:db8::1]:80/x",
           "http://[2001:db8::1]:80/x");
    refuse("http://w:0/", "'0' is not a port number");
    refuse("http://u:p@w:65536/", "'65536' is not a port number");
    refuse("https://w:99999", "'99999' is not a port number");
    refuse("https://w:18446744073709551617/", "is not a port number");
    refuse("https://w:8o/", "'8o' is not a port number");
    refuse("https://[::1]:0/", "'0' is not a port number");
    refuse("https://", "names no server");
    refuse("https://:80/", "names no server");
    refuse("https://u:p@/x", "names no server");
    refuse("https://[::1/x", "names no server");
    refuse("https://[::1]80/x", "names no server");
    refuse("https://a b/x", "has no blanks");
    refuse("https://a{1}/x", "has no blanks");
}

static void expect_shown(const char *url, const char *shown, bool hidden)
{
    struct kms_buf buf;
    kms_buf_init(&buf, 256);
    bool was_hidden = !hidden;
    assert_int_equal(kms_place_hide_password(url, &buf, &was_hidden), KMS_OK);
    assert_string_equal(kms_buf_str(&buf), shown);
    assert_int_equal(was_hidden, hidden);
    kms_buf_done(&buf);
}

static void a_password_is_not_shown(void **state)
{
    (void)state;
    expect_shown("http://me:secret@w/x?a=b", "http://me:***@w/x?a=b", true);
    expect_shown("HTTPS://me:p@ss:w@w.example:8443/a@b", "HTTPS://me:***@w.example:8443/a@b", true);
    expect_shown("ftp://me:@w", "ftp://me:***@w", true);
    expect_shown("http://me@w/x", "http://me@w/x", false);
    expect_shown("http://w:80/a:b@c", "http://w:80/a:b@c", false);
    expect_shown("/in/a:b@c", "/in/a:b@c", false);
}

static void other_schemes_are_refused_by_name(void **state)
{
    (void)state;
    refuse("ftp://w.example/kms.txt", "'ftp' is not supported");
    refuse("smb://server/share", "'smb' is not supported");
}

static void nothing_is_refused(void **state)
{
    (void)state;
    refuse("", "no path or URL");
    refuse(NULL, "no path or URL");
}

static void a_name_cannot_forge_a_line(void **state)
{
    (void)state;
    expect("a\nOK|x=1", KMS_PLACE_FILE, "a\nOK|x=1", "a OK?x=1");
    expect("file:///a%0AOK%7C", KMS_PLACE_FILE, "/a\nOK|", "/a OK?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_taken_as_it_is),
        cmocka_unit_test(a_dash_is_standard_input),
        cmocka_unit_test(a_file_url_is_decoded),
        cmocka_unit_test(a_broken_escape_is_refused),
        cmocka_unit_test(another_machine_in_a_file_url_is_refused),
        cmocka_unit_test(a_web_address_is_named_without_its_secrets),
        cmocka_unit_test(a_web_address_names_a_server_and_a_port_that_there_is),
        cmocka_unit_test(a_password_is_not_shown),
        cmocka_unit_test(other_schemes_are_refused_by_name),
        cmocka_unit_test(nothing_is_refused),
        cmocka_unit_test(a_name_cannot_forge_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
