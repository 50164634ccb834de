/* The process number as a line of text, under a name that holds wherever the process works. */
#include "agent/pid_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define FILE_MODE 0644

char *kms_pid_file_write(const char *path, struct kms_fault *fault)
{
    char *whole = kms_file_absolute(path);
    if (!whole) {
        (void)kms_fault_set(fault, KMS_EINVAL, 0, "its folder has no usable name");
        return NULL;
    }
    char text[32];
    kms_text_format(text, sizeof text, "%ld\n", (long)getpid());
    if (kms_file_replace(whole, text, strlen(text), FILE_MODE, fault) != KMS_OK) {
        free(whole);
        return NULL;
    }
    return whole;
}

void kms_pid_file_remove(char *path)
{
    if (path) {
        (void)unlink(path);
        free(path);
    }
}
