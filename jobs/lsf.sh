#!/usr/bin/env bash
# Runs a sweep under LSF for as many jobs as it takes: before the run limit the run stops in good order with exit code 75,
# which sends the job back to its queue, and then resumes.
#
#     SWEEP=sweep.yaml OUTPUT=output.h5 bsub -n 64 -W 4:00 < jobs/lsf.sh
#
# Call it from the project's folder, or set SEEDBED_ROOT to that. OPTIONS takes options of seedbed run, SEEDBED the program,
# SEEDBED_LAUNCH the launcher (default: mpirun).

#BSUB -J seedbed
#BSUB -o seedbed.%J.log
#BSUB -Q 75
# Three minutes before the end.
#BSUB -wa USR1 -wt 3

set -eu
if [ $# -ge 2 ]; then # called as: bsub ... jobs/lsf.sh SWEEP.yaml OUTPUT.h5 OPTIONS
    SWEEP=$1 OUTPUT=$2
    shift 2
    OPTIONS="$*"
fi
: "${SWEEP:?names the sweep file}" "${OUTPUT:?names the results file}"
SEEDBED_ROOT=${SEEDBED_ROOT:-${LS_SUBCWD:-.}}
read -ra options <<<"${OPTIONS:-}"
exec "$SEEDBED_ROOT/tools/run-until-done" "$SWEEP" "$OUTPUT" "${options[@]}"
