#!/usr/bin/env bash
# Runs a sweep under Slurm for as many jobs as it takes: before the time limit the run stops in good order, the job goes
# back to the queue, and then resumes.
#
#     sbatch --ntasks=64 --time=4:00:00 jobs/slurm.sh SWEEP.yaml OUTPUT.h5 [options of seedbed run]
#
# Call it from the project's folder, or set SEEDBED_ROOT to that. SEEDBED names the program (default: build/release/seedbed
# there), SEEDBED_LAUNCH the launcher (default: mpirun; where Slurm starts the ranks: "srun --mpi=pmix").

#SBATCH --job-name=seedbed
#SBATCH --requeue
#SBATCH --open-mode=append
# To this script, two minutes before the end, if the run has not stopped by then.
#SBATCH --signal=B:USR1@120

set -eu
export SEEDBED_ROOT=${SEEDBED_ROOT:-${SLURM_SUBMIT_DIR:-.}}

# Older Slurms keep the end of the job to themselves.
if [ -z "${SLURM_JOB_END_TIME:-}" ]; then
    end=$(scontrol --oneliner show job "$SLURM_JOB_ID" | sed -n 's/.* EndTime=\([^ ]*\).*/\1/p')
    SLURM_JOB_END_TIME=$(date -d "$end" +%s 2>/dev/null) && export SLURM_JOB_END_TIME
fi

# A cancelled job stays cancelled.
# shellcheck disable=SC2016 # for the shell that runs it
export SEEDBED_AGAIN='scontrol show job "$SLURM_JOB_ID" | grep -q JobState=CANCELLED || scontrol requeue "$SLURM_JOB_ID"'
exec "$SEEDBED_ROOT/tools/run-until-done" "$@"
