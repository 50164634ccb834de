/* kmsmon capture: asks a KMS host what the monitor asks, and writes the conversation without names
 * and keys. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/texts.h"
#include "form.h"
#include "wsman/probe.h"
#include "wsman/record.h"
#include "wsman/talk.h"
#include "wsman/url.h"
#include "wsman_host.h"

#define EXIT_ANSWERED 0
#define EXIT_NOT_SO   1

#define RECORD_MAX ((size_t)16 * 1024 * 1024)
#define FILE_MAX   (4 * RECORD_MAX) /* a substitute may be longer than its name */
#define ERRORS_MAX ((size_t)64 * 1024)

struct options {
    struct kms_wsman_options wsman;
    char *output;
    struct kms_texts mask;
    bool help;
};

static const struct kms_opt rows[] = {
    KMS_WSMAN_ROWS(struct options),
    {.key = "output",
     .long_opt = "output",
     .short_opt = 'o',
     .type = KMS_OPT_TEXT,
     .offset = offsetof(struct options, output),
     .given_offset = KMS_OPT_NO_GIVEN,
     .arg = "FILE",
     .help = "a new file (default: standard output)"},
    {.key = "mask",
     .long_opt = "mask",
     .short_opt = 'm',
     .type = KMS_OPT_TEXTS,
     .offset = offsetof(struct options, mask),
     .given_offset = KMS_OPT_NO_GIVEN,
     .arg = "NAME",
     .help = "one more name that must not be seen in it; may be given again"},
    {.key = "help",
     .long_opt = "help",
     .short_opt = 'h',
     .type = KMS_OPT_FLAG,
     .offset = offsetof(struct options, help),
     .given_offset = KMS_OPT_NO_GIVEN,
     .help = "print this help"},
    KMS_OPT_END,
};

static const struct kms_form form = {
    .name = "capture",
    .purpose =
        "Asks a KMS host over WS-Management what the monitor asks, and writes the conversation\n"
        "without names, product keys and machine ids: for tests, and to be sent in.",
    .usage =
        "Usage: kmsmon capture --credentials FILE [--wsman-url URL] [--ca-file FILE] [--pin HEX]\n"
        "                      [--mask NAME ...] [-t TIME] [-o FILE] HOST\n",
    .note = "Nothing is changed on the host, and nothing is sent anywhere else.\n"
            "Exit: 0 the host answered, 1 it did not, or the file could not be written, "
            "2 wrong usage.\n",
    .rows = rows,
    .help = offsetof(struct options, help),
    .failed = EXIT_NOT_SO,
};

/* ---- names ---- */

struct name {
    const char *kind;
    const char *text; /* NULL: there is none */
};

static enum kms_status mask_names(struct kms_recorder *recorder, const struct kms_target *target,
                                  const struct kms_texts *more)
{
    const struct kms_source_config *wsman = &target->source[KMS_SOURCE_WSMAN];
    struct kms_wsman_url url = {0};
    enum kms_status status = kms_wsman_url_make(wsman->url, target->name, NULL, &url, NULL);
    const struct name names[] = {
        {"host", target->name}, {"host", url.host}, {"user", wsman->credentials->user}};
    for (size_t i = 0; i < KMS_COUNT_OF(names) && status == KMS_OK; i++) {
        if (names[i].text) {
            status = kms_recorder_mask(recorder, names[i].kind, names[i].text);
        }
    }
    for (size_t i = 0; i < more->count && status == KMS_OK; i++) {
        status = kms_recorder_mask(recorder, "name", more->text[i]);
    }
    kms_wsman_url_done(&url);
    return status;
}

/* ---- asking ---- */

struct capture {
    struct kms_wsman_host host;
    struct kms_recorder *recorder;
    struct kms_talk_end identified;
    enum kms_outcome outcome; /* of the queries */
    char detail[KMS_DETAIL_SIZE];
    char mechanism[16];
};

static void identified(void *arg, const struct kms_talk_end *end)
{
    struct capture *capture = arg;
    capture->identified = *end;
    capture->identified.reply = NULL;
    kms_loop_stop(capture->host.env.loop);
}

static void asked(void *arg, const struct kms_result *result)
{
    struct capture *capture = arg;
    const char *mechanism = kms_facts_text(&result->host, KMS_FACT_WSMAN_MECHANISM);
    capture->outcome = result->outcome;
    kms_text_copy(capture->detail, sizeof capture->detail, result->detail);
    kms_text_copy(capture->mechanism, sizeof capture->mechanism, mechanism ? mechanism : "");
    kms_loop_stop(capture->host.env.loop);
}

/* Identify tells what answers there even when it lets nobody in. */
static enum kms_status ask(struct capture *capture, int64_t timeout_ms)
{
    struct kms_env *env = &capture->host.env;
    const struct kms_target *target = &capture->host.target;
    env->recorder = capture->recorder;
    struct kms_talk *talk = kms_talk_new(env, target, capture->recorder);
    enum kms_status status = talk ? kms_talk_identify(talk, timeout_ms, identified, capture)
                                  : KMS_ENOMEM;
    if (status == KMS_OK) {
        kms_loop_run(env->loop);
    }
    kms_talk_free(talk);
    if (status == KMS_OK && !kms_run_start(env, kms_wsman_probe(), target, asked, capture)) {
        status = KMS_ENOMEM;
    }
    if (status == KMS_OK) {
        kms_loop_run(env->loop);
    }
    return status;
}

/* ---- the file ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        text += written;
        len -= (size_t)written;
    }
    return true;
}

static bool complain_of(const char *path)
{
    char message[300];
    kms_text_format(message, sizeof message, "%s: %s", path, strerror(errno));
    kms_form_complain(&form, message);
    return false;
}

/* The file was made before the host was asked: it is ours. */
static bool save(int fd, const char *path, const struct kms_buf *text)
{
    bool saved = write_all(fd, kms_buf_str(text), text->len) && (!path || fsync(fd) == 0);
    return saved || complain_of(path ? path : "standard output");
}

/* A file that is there is left alone, whatever it is. */
static int make_file(const char *path)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                  : STDOUT_FILENO;
    if (fd < 0) {
        (void)complain_of(path);
    }
    return fd;
}

/* ---- what was done ---- */

static bool answered(const struct capture *capture)
{
    return kms_outcome_good(capture->outcome) || capture->outcome == KMS_OUTCOME_WSMAN_NOT_A_HOST;
}

static void tell(const struct capture *capture, size_t size, const char *path)
{
    const struct kms_outcome_row *row = kms_outcome_row(capture->outcome);
    (void)fprintf(stderr, "kmsmon capture: %s%s%s%s\n", row->meaning,
                  capture->mechanism[0] ? " Authenticated by " : "", capture->mechanism,
                  capture->mechanism[0] ? "." : "");
    if (capture->detail[0]) {
        (void)fprintf(stderr, "  %s\n", capture->detail);
    }
    if (!answered(capture)) {
        (void)fprintf(stderr, "  %s\n", row->hint);
    }
    (void)fprintf(stderr,
                  "%zu bytes were written%s%s. In it the host's and the user's names, partial "
                  "product keys, machine ids\n"
                  "and parts of ePIDs are masked; headers, and so tokens and passwords, were never "
                  "in it.\n",
                  size, path ? " to " : "", path ? path : "");
    if (path) {
        (void)fprintf(stderr,
                      "Look through it before you send it in:\n  less %s\n"
                      "Other names that should not be seen in it can be masked with --mask NAME.\n",
                      path);
    }
}

static int finish(const struct capture *capture, int fd, const char *path, bool *ret_saved)
{
    struct kms_buf text;
    kms_buf_init(&text, FILE_MAX);
    int code = EXIT_NOT_SO;
    if (kms_recorder_write(capture->recorder, &text) != KMS_OK) {
        code = kms_form_no_memory(&form);
    } else if (save(fd, path, &text)) {
        *ret_saved = true;
        tell(capture, text.len, path);
        code = answered(capture) ? EXIT_ANSWERED : EXIT_NOT_SO;
    }
    kms_buf_done(&text);
    return code;
}

static int record(struct capture *capture, const struct options *options)
{
    enum kms_status status = mask_names(capture->recorder, &capture->host.target, &options->mask);
    if (status == KMS_ETOOBIG) {
        return kms_form_mistake(&form, "a name to mask has more than 256 bytes");
    }
    if (status != KMS_OK) {
        return kms_form_no_memory(&form);
    }
    int fd = make_file(options->output);
    if (fd < 0) {
        return EXIT_NOT_SO;
    }
    bool saved = false;
    int code = ask(capture, options->wsman.timeout_ms) == KMS_OK
                   ? finish(capture, fd, options->output, &saved)
                   : kms_form_no_memory(&form);
    if (options->output) {
        if (close(fd) != 0 && saved) {
            (void)complain_of(options->output);
            saved = false;
            code = EXIT_NOT_SO;
        }
        if (!saved) {
            (void)unlink(options->output);
        }
    }
    return code;
}

static int capture_host(const struct options *options, const char *name)
{
    struct capture capture = {.outcome = KMS_OUTCOME_NONE};
    struct kms_buf errors;
    int code;
    kms_buf_init(&errors, ERRORS_MAX);
    enum kms_status status = kms_wsman_host_open(&capture.host, name, &options->wsman, &errors);
    capture.recorder = status == KMS_OK ? kms_recorder_new(RECORD_MAX) : NULL;
    if (status == KMS_EINVAL) {
        (void)fprintf(stderr, "kmsmon capture: %s", kms_buf_str(&errors));
        code = KMS_FORM_USAGE;
    } else if (!capture.recorder) {
        code = kms_form_no_memory(&form);
    } else {
        code = record(&capture, options);
    }
    kms_buf_done(&errors);
    kms_recorder_free(capture.recorder);
    kms_wsman_host_close(&capture.host);
    return code;
}

/* ---- the command ---- */

static int run(struct options *options, int argc, char **argv)
{
    int rest = argc, code = EXIT_NOT_SO;
    if (!kms_form_begin(&form, argc, argv, options, &rest, &code)) {
        return code;
    }
    if (argc - rest != 1) {
        return kms_form_mistake(&form, argc > rest ? "one host at a time" : "no host is named");
    }
    return capture_host(options, argv[rest]);
}

void kms_command_capture_options(void (*line)(void *arg, const char *text), void *arg)
{
    kms_form_options_help(&form, line, arg);
}

int kms_command_capture(int argc, char **argv)
{
    struct options options = {.help = false};
    int code = run(&options, argc, argv);
    kms_opts_free_values(rows, &options);
    return code;
}
