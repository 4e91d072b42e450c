#!/usr/bin/env bash
# Runs a sweep under PBS (OpenPBS, PBS Professional) for as many jobs as it takes: before the wall time is over the run
# stops in good order, and a successor is submitted that resumes.
#
#     qsub -v SWEEP=sweep.yaml,OUTPUT=output.h5 jobs/pbs.sh
#
# Write what the job asks for into the lines below: the successor asks for the same. Call qsub from the project's folder.
# OPTIONS takes options of seedbed run, SEEDBED_ROOT the project's folder, SEEDBED the program, SEEDBED_LAUNCH the launcher
# (default: mpirun).

#PBS -N seedbed
#PBS -l select=2:ncpus=32:mpiprocs=32
#PBS -l walltime=04:00:00
#PBS -j oe

set -eu
cd "${PBS_O_WORKDIR:-.}"
if [ $# -ge 2 ]; then # where the arguments of the script get through
    SWEEP=$1 OUTPUT=$2
    shift 2
    OPTIONS="$*"
fi
: "${SWEEP:?set it by qsub -v SWEEP=...,OUTPUT=...}" "${OUTPUT:?set it by qsub -v SWEEP=...,OUTPUT=...}"
export SWEEP OUTPUT OPTIONS=${OPTIONS:-} SEEDBED_ROOT=${SEEDBED_ROOT:-$PWD}
read -ra options <<<"$OPTIONS"

# PBS warns nobody before it kills: the run watches the clock itself.
walltime=$(qstat -f "$PBS_JOBID" | sed -n 's/^ *Resource_List.walltime = //p')
if [ -n "$walltime" ]; then
    options=(--time-limit "$walltime" "${options[@]}")
fi
# shellcheck disable=SC2016 # for the shell that runs it
export SEEDBED_AGAIN='qsub -v SWEEP,OUTPUT,OPTIONS,SEEDBED_ROOT,SEEDBED,SEEDBED_LAUNCH "$SEEDBED_ROOT/jobs/pbs.sh"'
export SEEDBED=${SEEDBED:-$SEEDBED_ROOT/build/release/seedbed} SEEDBED_LAUNCH=${SEEDBED_LAUNCH:-mpirun}
exec "$SEEDBED_ROOT/tools/run-until-done" "$SWEEP" "$OUTPUT" "${options[@]}"
