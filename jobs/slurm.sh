#!/usr/bin/env bash
# Runs a sweep under Slurm for as many jobs as it takes: before the time limit the run stops in good order, and the job
# goes back to the queue and resumes.
#
#     sbatch --ntasks=64 --time=4:00:00 jobs/slurm.sh SWEEP.yaml OUTPUT.h5 [options of seedbed run]
#
# SEEDBED names the program (default: build/release/seedbed of the folder that sbatch was called in), SEEDBED_LAUNCH the
# launcher (default: mpirun; where Slurm starts the ranks: "srun --mpi=pmix").

#SBATCH --job-name=seedbed
#SBATCH --requeue
#SBATCH --open-mode=append
# To this script, two minutes before the end: time for the running trials to stop.
#SBATCH --signal=B:USR1@120

set -u
if [ $# -lt 2 ]; then
    echo "usage: sbatch jobs/slurm.sh SWEEP.yaml OUTPUT.h5 [options of seedbed run]" >&2
    exit 2
fi
sweep=$1 output=$2
shift 2
seedbed=${SEEDBED:-${SLURM_SUBMIT_DIR:-.}/build/release/seedbed}
read -ra launch <<<"${SEEDBED_LAUNCH:-mpirun}"

stopped_in_good_order=75
crashes_allowed=5
run_process='' signalled='' stopping=''

# Slurm signals this script only; the launcher hands the signal on to the ranks.
# shellcheck disable=SC2317 # the trap calls it
forward() {
    signalled=yes stopping=yes
    if [ -n "$run_process" ]; then
        kill -USR1 "$run_process" 2>/dev/null
    fi
}
trap forward USR1 TERM

run() {
    local resume=()
    if [ -e "$output" ]; then
        resume=(--resume)
    fi
    "${launch[@]}" "$seedbed" run "$sweep" -o "$output" "${resume[@]}" "$@" &
    run_process=$!
    # A trapped signal ends `wait` early: ask again for the program's own code.
    while :; do
        signalled=''
        wait "$run_process"
        code=$?
        [ -n "$signalled" ] || break
    done
    run_process=''
}

cancelled() {
    scontrol show job "$SLURM_JOB_ID" | grep -q 'JobState=CANCELLED'
}

# A rank that dies takes the launch with it: start again, the trials that were committed are safe.
for ((crash = 0; crash <= crashes_allowed; crash++)); do
    run "$@"
    if [ "$code" -le 3 ] || [ "$code" -eq "$stopped_in_good_order" ] || [ -n "$stopping" ]; then
        break
    fi
    echo "jobs/slurm.sh: the run ended with $code" >&2
done
if [ "$code" -eq "$stopped_in_good_order" ] && [ -n "${SLURM_JOB_ID:-}" ] && ! cancelled; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
