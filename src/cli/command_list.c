#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "config/config.h"
#include "config/expansion.h"

static const struct option_spec options[] = {{0}};

static int widest_name(const struct kind_table *table)
{
    size_t widest = 0;
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        if (strlen((*kind)->name) > widest)
            widest = strlen((*kind)->name);
    return (int)widest;
}

static void print_table(const struct kind_table *table)
{
    const int width = widest_name(table);
    printf("%s\n", table->plural);
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        printf("  %-*s  %s\n", width, (*kind)->name, (*kind)->summary);
}

/* Prints the text if it was made whole, and frees it. */
static int print_text(enum status status, struct text *text, struct error *error)
{
    if (status == STATUS_OK)
        status = text_status(text, error);
    if (status == STATUS_OK)
        fputs(text->data, stdout);
    text_free(text);
    return status == STATUS_OK ? EXIT_OK : command_failed(error);
}

static int print_reference(void)
{
    struct error error = {0};
    struct text text = {0};
    config_reference(&text);
    return print_text(STATUS_OK, &text, &error);
}

static int print_expansions(void)
{
    struct error error = {0};
    struct text text = {0};
    return print_text(expansion_write_all(&text, &error), &text, &error);
}

static enum status refuse(const char *word, struct error *error)
{
    struct text known = {0};
    for (int i = 0; config_tables[i] != NULL; i++)
        text_add(&known, "%s%s", i == 0 ? "" : ", ", config_tables[i]->plural);
    const enum status status = fail(error, STATUS_USAGE, "list: '%s' is not one of reference, %s", word, known.data);
    text_free(&known);
    return status;
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    if (arguments->operand_count == 1 && strcmp(arguments->operands[0], "reference") == 0)
        return print_reference();
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
        if (config_tables[i] == &model_table && print_expansions() != EXIT_OK)
            return EXIT_ERROR;
    }
    return EXIT_OK;
}

const struct command command_list = {
    .name = "list",
    .operands = "[WHAT]...",
    .operand_count = -1,
    .summary = "List what a sweep file may name: losses, models, metrics, datasets, ...",
    .details =
        "Without WHAT everything. `seedbed list models` also prints each model as a list of layers, to be changed in "
        "a\n"
        "sweep file. `seedbed list reference` prints every key of a sweep file with its default, unit, range and a\n"
        "sentence, as in sweeps/reference.yaml.",
    .options = options,
    .run = run,
};
