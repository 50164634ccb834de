/* Goes from folder to folder, one part of the pattern at a time. */
#include "base/wildcard.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/text.h"

#define PATH_SIZE_MAX 65536

/* What one part of the pattern makes of the paths before it. */
struct walk {
    const char *part; /* as in the pattern */
    size_t part_len;
    bool last;
    struct kms_texts *found;
    struct kms_fault *fault;
};

static enum kms_status no_memory(struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ENOMEM, 0, "%s", kms_status_text(KMS_ENOMEM));
}

/* Not there, or a file where a folder should be: nothing matches. */
static bool is_no_match(int error)
{
    return error == ENOENT || error == ENOTDIR;
}

static enum kms_status unreadable(const char *what, const char *path, int error,
                                  struct kms_fault *fault)
{
    if (error == ENOMEM) {
        return no_memory(fault);
    }
    char shown[100];
    kms_text_clean(shown, sizeof shown, path, strlen(path));
    const char *why = strerrordesc_np(error);
    return kms_fault_set(fault, KMS_EIO, 0,
                         "%s '%s' cannot be read (%s); allowed: what the user that runs kmsmond "
                         "may read",
                         what, shown, why ? why : "unknown error");
}

/* What no folder's list has shown yet. */
static enum kms_status look_for(const char *path, bool *ret_there, struct kms_fault *fault)
{
    struct stat about;
    bool there = lstat(path, &about) == 0;
    if (!there && !is_no_match(errno)) {
        return unreadable("file", path, errno, fault);
    }
    *ret_there = there;
    return KMS_OK;
}

/* The folder is "", or ends with a slash. seen: it is there. */
static enum kms_status add(const struct walk *walk, const char *folder, const char *name, bool seen)
{
    struct kms_buf path;
    kms_buf_init(&path, PATH_SIZE_MAX);
    enum kms_status status = kms_buf_addf(&path, "%s%s%s", folder, name, walk->last ? "" : "/");
    if (status == KMS_ETOOBIG) {
        status = unreadable("folder", folder, ENAMETOOLONG, walk->fault);
    } else if (status == KMS_OK && !seen) {
        status = look_for(kms_buf_str(&path), &seen, walk->fault);
    }
    if (status == KMS_OK && seen) {
        status = kms_texts_add(walk->found, kms_buf_str(&path));
    }
    kms_buf_done(&path);
    return status == KMS_ENOMEM ? no_memory(walk->fault) : status;
}

static enum kms_status add_matches(const struct walk *walk, const char *folder, const char *part,
                                   DIR *stream)
{
    enum kms_status status = KMS_OK;
    const struct dirent *entry;
    /* The end and a failure look the same but for errno. */
    while (status == KMS_OK && (errno = 0, entry = readdir(stream)) != NULL) {
        if (fnmatch(part, entry->d_name, FNM_PERIOD) == 0) {
            status = add(walk, folder, entry->d_name, true);
        }
    }
    return status == KMS_OK && errno != 0 ? unreadable("folder", folder, errno, walk->fault)
                                          : status;
}

static enum kms_status match(const struct walk *walk, const char *folder, const char *part)
{
    const char *path = folder[0] != '\0' ? folder : ".";
    DIR *stream = opendir(path);
    if (!stream) {
        return is_no_match(errno) ? KMS_OK : unreadable("folder", path, errno, walk->fault);
    }
    enum kms_status status = add_matches(walk, folder, part, stream);
    (void)closedir(stream);
    return status;
}

static void unescape(char *part)
{
    char *put = part;
    for (const char *take = part; *take != '\0'; take++) {
        take += *take == '\\' && take[1] != '\0' ? 1 : 0;
        *put++ = *take;
    }
    *put = '\0';
}

static bool is_wild(const char *part)
{
    for (const char *c = part; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
        } else if (strchr("*?[", *c)) {
            return true;
        }
    }
    return false;
}

/* All paths so far, one part farther. */
static enum kms_status advance(const struct walk *walk, const struct kms_texts *folders)
{
    char *part = kms_text_dup_len(walk->part, walk->part_len);
    if (!part) {
        return no_memory(walk->fault);
    }
    bool wild = is_wild(part);
    if (!wild) {
        unescape(part);
    }
    enum kms_status status = KMS_OK;
    for (size_t i = 0; i < folders->count && status == KMS_OK; i++) {
        /* Whether a folder is there is seen when it is read. */
        status = wild ? match(walk, folders->text[i], part)
                      : add(walk, folders->text[i], part, !walk->last);
    }
    free(part);
    return status;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum kms_status kms_wildcard_find(const char *pattern, struct kms_texts *ret,
                                  struct kms_fault *fault)
{
    struct kms_texts paths = {0};
    enum kms_status status = kms_texts_add(&paths, pattern[0] == '/' ? "/" : "");
    if (status != KMS_OK) {
        return no_memory(fault);
    }
    const char *rest = pattern + strspn(pattern, "/");
    while (*rest != '\0' && status == KMS_OK) {
        struct kms_texts found = {0};
        size_t len = strcspn(rest, "/");
        const struct walk walk = {.part = rest,
                                  .part_len = len,
                                  .last = rest[len] == '\0',
                                  .found = &found,
                                  .fault = fault};
        status = advance(&walk, &paths);
        kms_texts_done(&paths);
        paths = found;
        rest += len + strspn(rest + len, "/");
    }
    if (status != KMS_OK) {
        kms_texts_done(&paths);
        return status;
    }
    if (paths.count > 1) {
        qsort(paths.text, paths.count, sizeof *paths.text, by_bytes);
    }
    *ret = paths;
    return KMS_OK;
}
