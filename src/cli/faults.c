#include "cli/faults.h"

#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"

int faults_failed(const struct faults *faults, const char *path)
{
    struct text text = {0};
    faults_print(faults, &text);
    if (text.data != NULL)
        fputs(text.data, stderr);
    text_free(&text);
    log_line("error: %d fault%s in %s; nothing was run or written", faults->count, faults->count == 1 ? "" : "s", path);
    return EXIT_ERROR;
}
