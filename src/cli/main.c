#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/dispatch.h"
#include "sweep/provenance.h"

static const struct command *const commands[] = {&command_plan,   &command_run,  &command_status, &command_show,
                                                 &command_verify, &command_list, &command_doctor, NULL};

static void print_help(void)
{
    printf("seedbed %s - trains populations of small neural networks into one HDF5 file\n\n"
           "usage: seedbed COMMAND [operands] [options]\n       mpirun -n RANKS seedbed run SWEEP.yaml -o "
           "FILE\n\ncommands:\n",
           provenance_engine());
    for (int i = 0; commands[i] != NULL; i++)
        printf("  %-8s %-12s %s\n", commands[i]->name, commands[i]->operands, commands[i]->summary);
    printf("\nexit codes: 0 every trial is done or diverged; 1 error; 2 usage; 3 some trials failed or timed out;\n"
           "            75 stopped in good order before the end: run again with --resume\n"
           "seedbed COMMAND --help says more.\n");
}

static int refuse_command(const char *word)
{
    const char *nearest = "";
    int distance = 3;
    for (int i = 0; commands[i] != NULL; i++)
        if (text_distance(commands[i]->name, word) < distance) {
            nearest = commands[i]->name;
            distance = text_distance(nearest, word);
        }
    log_line("error: unknown command '%s'%s%s%s; see seedbed --help", word, *nearest == '\0' ? "" : "; did you mean '",
             nearest, *nearest == '\0' ? "" : "'?");
    return EXIT_USAGE;
}

static int run_command(const struct command *command, int count, char **words)
{
    static struct arguments arguments;
    struct error error = {0};
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) {
            command_print_help(command);
            return EXIT_OK;
        }
    if (arguments_parse(command, count, words, &arguments, &error) == STATUS_OK)
        return command->run(&arguments);
    const int code = command_failed(&error);
    if (command->refuse != NULL)
        command->refuse(&arguments, code);
    return code;
}

/* In debug builds an allocation that was not freed is an error of ours. */
static int check_balance(int code)
{
#ifndef NDEBUG
    if (memory_balance() != 0) {
        log_line("error: %lld allocations were not freed; this is a mistake in seedbed", (long long)memory_balance());
        return EXIT_ERROR;
    }
#endif
    return code;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    if (dispatch(argv, &error) != STATUS_OK)
        return command_failed(&error);
    if (argc < 2) {
        print_help();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("seedbed %s\n", provenance_engine());
        return EXIT_OK;
    }
    for (int i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->name, argv[1]) == 0)
            return check_balance(run_command(commands[i], argc - 2, argv + 2));
    return refuse_command(argv[1]);
}
