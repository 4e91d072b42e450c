#include <stdio.h>

#include "cli/command.h"
#include "cluster/doctor.h"

static const struct option_spec options[] = {{0}};

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct findings findings = {0};
    struct cluster *cluster = NULL;
    if (arguments->operand_count > 1)
        return command_failed(&(struct error){STATUS_USAGE, "doctor: takes one DIR at most"});
    const char *folder = arguments->operand_count == 1 ? arguments->operands[0] : ".";
    if (cluster_create(&cluster, &error) != STATUS_OK)
        return command_failed(&error);
    enum status status = doctor_examine(cluster, folder, &findings, &error);
    if (status == STATUS_OK)
        status = text_status(&findings.text, &error);
    int bad = findings.count[LEVEL_BAD] > 0;
    if (cluster_rank(cluster) == 0) {
        if (findings.text.data != NULL)
            fputs(findings.text.data, stdout);
        if (status != STATUS_OK)
            bad = command_failed(&error) != EXIT_OK;
    }
    text_free(&findings.text);
    cluster_destroy(&cluster);
    return bad || status != STATUS_OK ? EXIT_ERROR : EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .operands = "[DIR]",
    .operand_count = -1,
    .summary = "Look at MPI, HDF5, BLAS, nodes and the folder DIR: what is wrong, and how to mend it.",
    .details =
        "Start it as the run will be, such as mpirun -n 8 seedbed doctor /scratch. DIR is where the results file\n"
        "will be; the current folder if absent. One line for each thing looked at: ok, warn or bad.\n"
        "Exit code 0 when nothing is bad, else 1.",
    .options = options,
    .run = run,
};
