/* command.h - commands and their options as tables; parsing and help are derived from them. */
#ifndef SEEDBED_CLI_COMMAND_H
#define SEEDBED_CLI_COMMAND_H

#include <stdbool.h>

#include "seedbed/status.h"

enum exit_code { EXIT_OK = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_SOME_FAILED = 3, EXIT_STOPPED = 75 };

enum { OPTIONS_MAX = 12, REPEATS_MAX = 64, OPERANDS_MAX = 16 };

struct option_spec {
    const char *name;     /* "--set", or "-o"; NULL ends a table */
    const char *argument; /* its argument's name; NULL: a switch */
    bool repeated;        /* may be given several times */
    const char *summary;
};

/* What was given on the command line, by the option's place in the table. */
struct arguments {
    int operand_count;
    const char *operands[OPERANDS_MAX];
    int count[OPTIONS_MAX];
    const char *values[OPTIONS_MAX][REPEATS_MAX];
};

struct command {
    const char *name;
    const char *operands; /* as help shows them */
    int operand_count;    /* exactly; -1: any up to OPERANDS_MAX */
    const char *summary;
    const char *details; /* further lines of help; NULL: none */
    const struct option_spec *options;
    int (*run)(const struct arguments *arguments);               /* returns the exit code */
    void (*refuse)(const struct arguments *arguments, int code); /* told of words that are wrong; NULL: needs not */
};

extern const struct command command_plan, command_run, command_status, command_show, command_verify, command_list,
    command_doctor;

/* Parses what follows the command's name. STATUS_USAGE with what was found and what is allowed. */
enum status arguments_parse(const struct command *command, int count, char *const *words, struct arguments *out,
                            struct error *error);
void command_print_help(const struct command *command);

/* The option's only value; NULL when it was not given. */
const char *argument_value(const struct arguments *arguments, int option);

/* A whole number from minimum up; what: "--max-failures". */
enum status argument_integer(const char *text, const char *what, long long minimum, long long *out,
                             struct error *error);

/* Seconds above 0: 90, 90s, 10m, 2h, [D-]HH:MM:SS; what: "--time-limit". */
enum status argument_duration(const char *text, const char *what, double *out, struct error *error);

/* Prints "seedbed: error: ..." and returns the exit code for the status. */
int command_failed(const struct error *error);

#endif
