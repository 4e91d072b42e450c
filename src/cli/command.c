#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "config/scalar.h"

static int find_option(const struct command *command, const char *word, size_t length)
{
    for (int i = 0; command->options[i].name != NULL; i++)
        if (strlen(command->options[i].name) == length && memcmp(command->options[i].name, word, length) == 0)
            return i;
    return -1;
}

static enum status refuse_option(const struct command *command, const char *word, struct error *error)
{
    const char *nearest = NULL;
    int distance = 3;
    for (int i = 0; command->options[i].name != NULL; i++)
        if (text_distance(command->options[i].name, word) < distance) {
            nearest = command->options[i].name;
            distance = text_distance(nearest, word);
        }
    return fail(error, STATUS_USAGE, "%s: unknown option '%s'%s%s%s; see seedbed %s --help", command->name, word,
                nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?",
                command->name);
}

static enum status add_value(const struct command *command, int option, const char *value, struct arguments *out,
                             struct error *error)
{
    const struct option_spec *spec = &command->options[option];
    const int most = spec->repeated ? REPEATS_MAX : 1;
    if (out->count[option] == most)
        return fail(error, STATUS_USAGE, "%s: %s given more than %d time%s", command->name, spec->name, most,
                    most == 1 ? "" : "s");
    out->values[option][out->count[option]++] = value;
    return STATUS_OK;
}

/* Takes one option and, if it has one, its argument; *used counts the words. */
static enum status take_option(const struct command *command, int count, char *const *words, struct arguments *out,
                               int *used, struct error *error)
{
    const char *word = words[0];
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const int option = find_option(command, word, length);
    if (option < 0)
        return refuse_option(command, word, error);
    const struct option_spec *spec = &command->options[option];
    *used = 1;
    if (spec->argument == NULL) {
        if (equals != NULL)
            return fail(error, STATUS_USAGE, "%s: %s takes no value", command->name, spec->name);
        return add_value(command, option, "", out, error);
    }
    if (equals != NULL)
        return add_value(command, option, equals + 1, out, error);
    if (count < 2)
        return fail(error, STATUS_USAGE, "%s: %s needs %s", command->name, spec->name, spec->argument);
    *used = 2;
    return add_value(command, option, words[1], out, error);
}

static enum status check_operands(const struct command *command, const struct arguments *arguments, struct error *error)
{
    if (command->operand_count < 0 || arguments->operand_count == command->operand_count)
        return STATUS_OK;
    return fail(error, STATUS_USAGE, "%s takes %s, but %d operand%s given; see seedbed %s --help", command->name,
                command->operands, arguments->operand_count, arguments->operand_count == 1 ? " was" : "s were",
                command->name);
}

enum status arguments_parse(const struct command *command, int count, char *const *words, struct arguments *out,
                            struct error *error)
{
    bool options_end = false;
    for (int i = 0; i < count;) {
        int used = 1;
        if (!options_end && strcmp(words[i], "--") == 0)
            options_end = true;
        else if (!options_end && words[i][0] == '-' && words[i][1] != '\0')
            TRY(take_option(command, count - i, words + i, out, &used, error));
        else if (out->operand_count == OPERANDS_MAX)
            return fail(error, STATUS_USAGE, "%s: too many operands at '%s'", command->name, words[i]);
        else
            out->operands[out->operand_count++] = words[i];
        i += used;
    }
    return check_operands(command, out, error);
}

void command_print_help(const struct command *command)
{
    printf("usage: seedbed %s%s%s [options]\n\n%s\n", command->name, command->operands[0] == '\0' ? "" : " ",
           command->operands, command->summary);
    if (command->details != NULL)
        printf("%s\n", command->details);
    printf("\noptions:\n");
    for (int i = 0; command->options[i].name != NULL; i++) {
        char left[64];
        const struct option_spec *option = &command->options[i];
        snprintf(left, sizeof left, "%s%s%s", option->name, option->argument == NULL ? "" : " ",
                 option->argument == NULL ? "" : option->argument);
        printf("  %-26s %s%s\n", left, option->summary, option->repeated ? " Repeatable." : "");
    }
    printf("  %-26s %s\n", "--help", "This text.");
}

const char *argument_value(const struct arguments *arguments, int option)
{
    return arguments->count[option] == 0 ? NULL : arguments->values[option][0];
}

enum status argument_integer(const char *text, const char *what, long long minimum, long long *out, struct error *error)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < minimum)
        return fail(error, STATUS_USAGE, "%s: '%s' is not a whole number from %lld up", what, text, minimum);
    *out = value;
    return STATUS_OK;
}

enum status argument_duration(const char *text, const char *what, double *out, struct error *error)
{
    const struct tree_node node = {.type = TREE_SCALAR, .text = text};
    const char *const trouble = scalar_duration(&node, out);
    if (trouble == NULL && *out > 0)
        return STATUS_OK;
    return fail(error, STATUS_USAGE, "%s: '%s' %s; write it as 90s, 30m, 2h, 1:30:00 or 1-12:00:00", what, text,
                trouble == NULL ? "is not above 0" : trouble);
}

int command_failed(const struct error *error)
{
    if (error->status == STATUS_STOPPED) {
        log_line("%s", error->text);
        return EXIT_STOPPED;
    }
    log_error(error);
    return error->status == STATUS_USAGE ? EXIT_USAGE : EXIT_ERROR;
}
