#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "config/config.h"

static const struct option_spec options[] = {{0}};

static void print_table(const struct kind_table *table)
{
    printf("%s\n", table->plural);
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        printf("  %-14s %s\n", (*kind)->name, (*kind)->summary);
}

static enum status refuse(const char *word, struct error *error)
{
    struct text known = {0};
    for (int i = 0; config_tables[i] != NULL; i++)
        text_add(&known, "%s%s", i == 0 ? "" : ", ", config_tables[i]->plural);
    const enum status status = fail(error, STATUS_USAGE, "list: '%s' is not one of %s", word, known.data);
    text_free(&known);
    return status;
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    for (int i = 0; arguments->operand_count == 0 && config_tables[i] != NULL; i++)
        print_table(config_tables[i]);
    for (int o = 0; o < arguments->operand_count; o++) {
        int i = 0;
        while (config_tables[i] != NULL && strcmp(config_tables[i]->plural, arguments->operands[o]) != 0)
            i++;
        if (config_tables[i] == NULL) {
            refuse(arguments->operands[o], &error);
            return command_failed(&error);
        }
        print_table(config_tables[i]);
    }
    return EXIT_OK;
}

const struct command command_list = {
    .name = "list",
    .operands = "[WHAT]...",
    .operand_count = -1,
    .summary = "List what a sweep file may name: losses, models, metrics, datasets, ...",
    .details = "Without WHAT everything. sweeps/reference.yaml has every key with its default.",
    .options = options,
    .run = run,
};
