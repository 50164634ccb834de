/* The blocks credentials and wsman: what they become, what they print, every kind of error, and a
 * credentials block in a file of its own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/site.h"
#include "base/text.h"
#include "model/credentials_conf.h"

#define PIN     "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
#define PASSAGE "Winter in the lab 7"

/* A folder with files of every kind, and its name in place of @ in a text. */
static char folder[] = "/tmp/kmsmon-wsman-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    kms_text_format(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("password", PASSAGE "\n", 0600);
    write_file("open", PASSAGE "\n", 0644);
    write_file("empty", "\n", 0600);
    return unsetenv("CREDENTIALS_DIRECTORY");
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"password", "open", "empty", "t.cred", "monitor-password"};
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        char path[128];
        kms_text_format(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static char *with_folder(const char *text)
{
    struct kms_buf buf;
    kms_buf_init(&buf, 65536);
    for (; *text; text++) {
        const char one[2] = {*text, '\0'};
        assert_int_equal(kms_buf_add_str(&buf, *text == '~' ? folder : one), KMS_OK);
    }
    assert_int_equal(kms_buf_add_str(&buf, ""), KMS_OK);
    char *whole = kms_text_dup(kms_buf_str(&buf));
    kms_buf_done(&buf);
    return whole;
}

static enum kms_status build(const char *text, struct kms_site *ret_site, struct kms_buf *errors)
{
    char *whole = with_folder(text);
    kms_buf_init(errors, 65536);
    struct kms_conf_errors collected;
    kms_conf_errors_init(&collected, errors);
    struct kms_conf *conf = kms_conf_parse("t.conf", whole, strlen(whole), NULL, &collected);
    assert_non_null(conf);
    enum kms_status status = kms_site_build(conf, ret_site, &collected);
    kms_conf_errors_end(&collected);
    kms_conf_free(conf);
    free(whole);
    return status;
}

static void expect_good(const char *text, struct kms_site *ret_site)
{
    struct kms_buf errors;
    enum kms_status status = build(text, ret_site, &errors);
    assert_string_equal(kms_buf_str(&errors), "");
    assert_int_equal(status, KMS_OK);
    kms_buf_done(&errors);
}

static void expect_errors(const char *text, const char *wanted)
{
    struct kms_site site;
    struct kms_buf errors;
    char *whole = with_folder(wanted);
    assert_int_equal(build(text, &site, &errors), KMS_EINVAL);
    assert_string_equal(kms_buf_str(&errors), whole);
    assert_null(strstr(kms_buf_str(&errors), PASSAGE));
    kms_buf_done(&errors);
    free(whole);
}

#define BASIC     "credentials c { auth basic user monitor password-file ~/password }\n"
#define NEGOTIATE "credentials c { user monitor@LAB.TEST password-file ~/password }\n"

static void a_host_is_asked_over_tls_with_the_block_that_it_names(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(BASIC "host h { address kms01.lab.test wsman { credentials c } }\n", &site);
    assert_int_equal(site.credentials_count, 1);
    const struct kms_source_config *wsman = &site.host[0].source[KMS_SOURCE_WSMAN];
    assert_true(wsman->enabled);
    assert_null(wsman->url);
    assert_null(wsman->pin);
    assert_string_equal(wsman->service, "HTTP");
    assert_int_equal(wsman->interval_ms, 300000);
    assert_int_equal(wsman->timeout_ms, 45000);
    assert_int_equal(wsman->max_age_ms, 3600000);
    assert_string_equal(wsman->credentials->name, "c");
    assert_int_equal(wsman->credentials->auth, KMS_AUTH_BASIC);
    assert_string_equal(wsman->credentials->user, "monitor");
    assert_ptr_not_equal(wsman->credentials, &site.credentials[0]);
    kms_site_free(&site);
}

static void one_block_serves_many_hosts_wherever_it_stands(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good("host a { wsman { credentials c } }\nhost b { wsman { credentials c } }\n" BASIC,
                &site);
    assert_string_equal(site.host[0].source[KMS_SOURCE_WSMAN].credentials->user, "monitor");
    assert_string_equal(site.host[1].source[KMS_SOURCE_WSMAN].credentials->user, "monitor");
    kms_site_free(&site);
}

static void data_stays_fresh_for_three_intervals(void **state)
{
    (void)state;
    struct kms_site site;
    expect_good(BASIC "host a { wsman { credentials c interval 1h } }\n"
                      "host b { wsman { credentials c interval 1h max-age 0 } }\n"
                      "host d { wsman { credentials c max-age 10m } }\n",
                &site);
    assert_int_equal(site.host[0].source[KMS_SOURCE_WSMAN].max_age_ms, 3 * 3600000);
    assert_int_equal(site.host[1].source[KMS_SOURCE_WSMAN].max_age_ms, 0);
    assert_int_equal(site.host[2].source[KMS_SOURCE_WSMAN].max_age_ms, 600000);
    kms_site_free(&site);
}

static void what_is_printed_reads_back_and_has_no_secret(void **state)
{
    (void)state;
    struct kms_site site;
    struct kms_site again;
    struct kms_buf printed[2];
    expect_good(NEGOTIATE
                "credentials \"k t\" { auth kerberos user m@LAB.TEST keytab ~/password }\n"
                "credentials cc { ccache KEYRING:persistent:0 }\n"
                "credentials cert { auth certificate certificate ~/password key ~/password }\n"
                "host a { wsman { credentials \"k t\" url http://kms01.lab.test service WSMAN } }\n"
                "host b { wsman { credentials cert pin " PIN " ca-file /etc/passwd interval 1m\n"
                "                 timeout 20s max-age 0 } }\n",
                &site);
    kms_buf_init(&printed[0], 65536);
    kms_buf_init(&printed[1], 65536);
    assert_int_equal(kms_site_print(&site, &printed[0]), KMS_OK);
    expect_good(kms_buf_str(&printed[0]), &again);
    assert_int_equal(kms_site_print(&again, &printed[1]), KMS_OK);
    assert_string_equal(kms_buf_str(&printed[0]), kms_buf_str(&printed[1]));
    assert_null(strstr(kms_buf_str(&printed[0]), PASSAGE));
    assert_non_null(strstr(kms_buf_str(&printed[0]), "kerberos"));
    assert_non_null(strstr(kms_buf_str(&printed[0]), "pin = \"" PIN "\""));
    const struct kms_source_config *b = &again.host[1].source[KMS_SOURCE_WSMAN];
    assert_string_equal(b->pin, PIN);
    assert_string_equal(b->credentials->key, site.credentials[3].key);
    assert_int_equal(b->max_age_ms, 0);
    kms_site_free(&site);
    kms_site_free(&again);
    kms_buf_done(&printed[0]);
    kms_buf_done(&printed[1]);
}

static void each_method_takes_what_it_can_use(void **state)
{
    (void)state;
    expect_errors(
        "credentials a { }\n"
        "credentials b { auth basic password-file ~/password }\n"
        "credentials c { auth ntlm user m keytab ~/password }\n"
        "credentials d { auth certificate user m password-file ~/password }\n"
        "credentials e { auth kerberos user m password-file ~/password\nkeytab ~/password }\n"
        "credentials f { auth negotiate certificate ~/password ccache KCM: }\n"
        "credentials g { auth digest }\n" BASIC "host h { wsman { credentials c } }\n",
        "t.conf:1: credentials: auth = negotiate has nothing to prove itself with; allowed: user "
        "with password-file, keytab, or ccache\n"
        "t.conf:2: credentials: user is missing, whom the password belongs to; allowed: user with "
        "password-file\n"
        "t.conf:3: keytab: '~/password' has no use with auth = ntlm; allowed: user with "
        "password-file\n"
        "t.conf:3: credentials: auth = ntlm has nothing to prove itself with; allowed: user with "
        "password-file\n"
        "t.conf:4: user: '***' has no use with auth = certificate; allowed: certificate, and key "
        "where that is another file\n"
        "t.conf:4: password-file: '~/password' has no use with auth = certificate; allowed: "
        "certificate, and key where that is another file\n"
        "t.conf:4: credentials: auth = certificate has nothing to prove itself with; allowed: "
        "certificate, and key where that is another file\n"
        "t.conf:6: keytab: '~/password' is one too many; allowed: user with password-file, keytab, "
        "or ccache\n"
        "t.conf:7: certificate: '~/password' has no use with auth = negotiate; allowed: user with "
        "password-file, keytab, or ccache\n"
        "t.conf:8: auth: 'digest' is unknown; allowed: one of negotiate, kerberos, ntlm, basic, "
        "certificate\n"
        "t.conf:9: credentials 'c' are there a second time; allowed: one block a name\n");
}

static void files_of_credentials_are_closed_and_there(void **state)
{
    (void)state;
    expect_errors(
        "credentials a { auth basic user m password-file ~/open }\n"
        "credentials b { auth basic user m password-file ~/none }\n"
        "credentials c { auth basic user m password-file ~/empty }\n"
        "credentials d { auth basic user m password-file ./password }\n"
        "credentials e { auth basic user m password-file \"" PASSAGE "!\" }\n"
        "credentials f { keytab ~/open }\n"
        "credentials g { ccache FILE:~/open }\n"
        "credentials i { ccache ~/none }\n"
        "credentials j { auth certificate certificate ~/open key ~/none }\n"
        "credentials k { auth basic user m password \"" PASSAGE "\" }\n"
        "host h { report { url = /r } }\n",
        "t.conf:1: password-file: '~/open' is readable by others; chmod 600\n"
        "t.conf:2: password-file: '~/none' cannot be read (No such file or directory); allowed: a "
        "file that the agent may read\n"
        "t.conf:3: password-file: '~/empty' has a first line that is too short or too long; "
        "allowed: 1 to 255 bytes\n"
        "t.conf:4: password-file: '***' is neither an absolute path nor the name of a systemd "
        "credential; allowed: /FOLDER/NAME, or NAME of LoadCredential= in the unit\n"
        "t.conf:5: password-file: '***' is neither an absolute path nor the name of a systemd "
        "credential; allowed: /FOLDER/NAME, or NAME of LoadCredential= in the unit\n"
        "t.conf:6: keytab: '~/open' is readable by others; chmod 600\n"
        "t.conf:7: ccache: 'FILE:~/open' is readable by others; chmod 600\n"
        "t.conf:9: certificate: '~/open' is readable by others; chmod 600\n"
        "t.conf:9: key: '~/none' cannot be read (No such file or directory); allowed: a file that "
        "the agent may read\n"
        "t.conf:10: unknown key 'password'; allowed: auth, user, password-file, keytab, ccache, "
        "certificate, key\n");
}

static void a_name_without_a_slash_is_a_systemd_credential(void **state)
{
    (void)state;
    struct kms_site site;
    static const char text[] =
        "credentials c { auth basic user m password-file monitor-password }\n"
        "host h { wsman { credentials c } }\n";
    expect_good(text, &site); /* on a terminal there are none to look at */
    assert_string_equal(site.credentials[0].password_file, "monitor-password");
    kms_site_free(&site);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    expect_errors(text, "t.conf:1: password-file: 'monitor-password' cannot be read (No such file "
                        "or directory); allowed: a file that the agent may read\n");
    write_file("monitor-password", PASSAGE "\n", 0440);
    expect_good(text, &site);
    kms_site_free(&site);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void a_host_names_credentials_that_are_there(void **state)
{
    (void)state;
    expect_errors("credentials monitor { auth basic user m password-file ~/password }\n"
                  "host a { wsman { } }\nhost b { wsman { credentials moniter } }\n"
                  "host c { wsman { credentials other } }\n",
                  "t.conf:2: wsman: credentials is missing; allowed: credentials = \"NAME\" of a "
                  "block credentials \"NAME\" { ... }\n"
                  "t.conf:3: credentials: 'moniter' is no credentials block, did you mean "
                  "'monitor'?; allowed: the name of a block credentials \"NAME\" { ... }\n"
                  "t.conf:4: credentials: 'other' is no credentials block; allowed: the name of a "
                  "block credentials \"NAME\" { ... }\n");
}

static void what_needs_tls_is_refused_without(void **state)
{
    (void)state;
    expect_errors(
        BASIC "credentials n { user m password-file ~/password }\n"
              "host a { wsman { credentials c url http://kms01:5985/wsman } }\n"
              "host b { wsman { credentials n url http://kms01 ca-file /etc/passwd pin " PIN
              "} }\n",
        "t.conf:3: credentials: 'c' are of auth = basic or certificate, which go over https:// "
        "only; allowed: an https:// url, or credentials of auth = negotiate, kerberos or ntlm\n"
        "t.conf:4: ca-file: '/etc/passwd' has no use with http://; allowed: an https:// url\n"
        "t.conf:4: pin: '" PIN "' has no use with http://; allowed: an https:// url\n");
}

#define URL_ALLOWED "; allowed: https://HOST[:5986][/wsman] or http://HOST[:5985][/wsman]\n"

static void values_that_cannot_work_are_errors(void **state)
{
    (void)state;
    expect_errors(
        BASIC "host a { wsman { credentials c url https://m:secret@kms01/wsman } }\n"
              "host b { wsman { credentials c url ftp://kms01 } }\n"
              "host d { wsman { credentials c pin 12:34 } }\n"
              "host e { wsman { credentials c service HTTP/kms01 } }\n"
              "host f { wsman { credentials c interval 30s timeout 1h } }\n"
              "host g { wsman { credentials c interval 10m max-age 5m } }\n"
              "host i { wsman { credentials c ca-file /none } }\n"
              "credentials x { auth basic user \"LAB\\\\m\" password-file ~/password }\n",
        "t.conf:9: user: 'LAB\\m' cannot log in with basic; allowed: a local account of the host, "
        "without domain and colon\n"
        "t.conf:2: url: '***' user and password belong into a credentials block, not into the "
        "address" URL_ALLOWED
        "t.conf:3: url: '***' the address does not begin with https:// or http://" URL_ALLOWED
        "t.conf:4: pin: '12:34' is no SHA-256; allowed: 64 hexadecimal digits, without colons\n"
        "t.conf:5: service: 'HTTP/kms01' is no service; allowed: a word of at most 32 letters, "
        "such as HTTP or WSMAN\n"
        "t.conf:6: interval: '30s' is out of range; allowed: a number with ms, s, m, h, d or w "
        "(without a unit seconds), 1m to 1d\n"
        "t.conf:6: timeout: '1h' is out of range; allowed: a number with ms, s, m, h, d or w "
        "(without a unit seconds), 1s to 10m\n"
        "t.conf:7: max-age: '5m' is less than interval, so that data would be stale between two "
        "polls; allowed: interval or more, or 0\n"
        "t.conf:8: ca-file: '/none' cannot be read (No such file or directory); allowed: a PEM "
        "file that the agent may read\n");
}

/* ---- a file of its own ---- */

static void expect_file(const char *text, mode_t mode, const char *wanted)
{
    char path[128];
    kms_text_format(path, sizeof path, "%s/t.cred", folder);
    char *whole = with_folder(text);
    char *errors_wanted = with_folder(wanted);
    write_file("t.cred", whole, mode);
    struct kms_credentials credentials = {0};
    struct kms_buf errors;
    kms_buf_init(&errors, 65536);
    enum kms_status status = kms_credentials_load(path, &credentials, &errors);
    assert_string_equal(kms_buf_str(&errors), errors_wanted);
    assert_int_equal(status, wanted[0] ? KMS_EINVAL : KMS_OK);
    if (status == KMS_OK) {
        assert_string_equal(credentials.user, "monitor");
    }
    kms_credentials_done(&credentials);
    kms_buf_done(&errors);
    free(whole);
    free(errors_wanted);
}

static void a_file_of_its_own_holds_one_block_and_is_closed(void **state)
{
    (void)state;
    expect_file("# who asks\n" BASIC, 0600, "");
    expect_file(BASIC, 0640, "~/t.cred: is readable by others; chmod 600\n");
    expect_file("", 0600,
                "~/t.cred: there is no credentials block; allowed: one credentials \"NAME\" { ... "
                "}\n");
    expect_file(BASIC "credentials d { ccache KCM: }\n", 0600,
                "~/t.cred:2: there is a second credentials block; allowed: one of them in this "
                "file\n");
    expect_file("credentials c { auth basic user m password-file ~/open }\ninterval 5m\n", 0600,
                "~/t.cred:2: unknown key 'interval'; allowed: blocks: credentials\n"
                "~/t.cred:1: password-file: '~/open' is readable by others; chmod 600\n");
}

static void on_a_command_line_a_name_without_a_slash_is_a_file_of_this_folder(void **state)
{
    (void)state;
    char *text = with_folder(BASIC);
    write_file("t.cred", text, 0600);
    free(text);
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(before >= 0);
    assert_int_equal(chdir(folder), 0);
    struct kms_credentials credentials = {0};
    struct kms_buf errors;
    kms_buf_init(&errors, 65536);
    enum kms_status status = kms_credentials_load("t.cred", &credentials, &errors);
    assert_int_equal(fchdir(before), 0);
    assert_int_equal(close(before), 0);
    assert_string_equal(kms_buf_str(&errors), "");
    assert_int_equal(status, KMS_OK);
    kms_credentials_done(&credentials);
    kms_buf_done(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_asked_over_tls_with_the_block_that_it_names),
        cmocka_unit_test(one_block_serves_many_hosts_wherever_it_stands),
        cmocka_unit_test(data_stays_fresh_for_three_intervals),
        cmocka_unit_test(what_is_printed_reads_back_and_has_no_secret),
        cmocka_unit_test(each_method_takes_what_it_can_use),
        cmocka_unit_test(files_of_credentials_are_closed_and_there),
        cmocka_unit_test(a_name_without_a_slash_is_a_systemd_credential),
        cmocka_unit_test(a_host_names_credentials_that_are_there),
        cmocka_unit_test(what_needs_tls_is_refused_without),
        cmocka_unit_test(values_that_cannot_work_are_errors),
        cmocka_unit_test(a_file_of_its_own_holds_one_block_and_is_closed),
        cmocka_unit_test(on_a_command_line_a_name_without_a_slash_is_a_file_of_this_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
