#include <stdio.h>

#include "cli/command.h"
#include "sweep/report.h"

static const struct option_spec options[] = {{0}};

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct text text = {0};
    long long trial = 0;
    enum status status = argument_integer(arguments->operands[1], "TRIAL", 0, &trial, &error);
    if (status == STATUS_OK)
        status = sweep_show_trial(arguments->operands[0], trial, &text, &error);
    if (status == STATUS_OK)
        status = text_status(&text, &error);
    if (status == STATUS_OK)
        fputs(text.data, stdout);
    text_free(&text);
    return status == STATUS_OK ? EXIT_OK : command_failed(&error);
}

const struct command command_show = {
    .name = "show",
    .operands = "FILE TRIAL",
    .operand_count = 2,
    .summary = "Show one trial whole: configuration, outcome, error text, metrics.",
    .options = options,
    .run = run,
};
