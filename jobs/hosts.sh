#!/usr/bin/env bash
# Runs a sweep on a plain list of hosts that ssh reaches without a password and that share the folder of the results.
#
#     jobs/hosts.sh HOSTFILE SWEEP.yaml OUTPUT.h5 [options of seedbed run]
#
# HOSTFILE is mpirun's: a line for each host, such as "node1 slots=16". SEEDBED names the program (default:
# build/release/seedbed of this project), SEEDBED_LAUNCH the launcher (default: mpirun) and its further options. Stop it
# with Ctrl-C, or SIGTERM, in good order; call it again to go on.

set -eu
if [ $# -lt 3 ]; then
    echo "usage: jobs/hosts.sh HOSTFILE SWEEP.yaml OUTPUT.h5 [options of seedbed run]" >&2
    exit 2
fi
hosts=$1
shift
if [ ! -r "$hosts" ]; then
    echo "jobs/hosts.sh: cannot read the list of hosts $hosts" >&2
    exit 1
fi
project=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
# A host that is cut off is noticed within seconds, not after the system's two hours.
export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=2 OMPI_MCA_oob_tcp_keepalive_probes=3
export SEEDBED_LAUNCH="${SEEDBED_LAUNCH:-mpirun} --hostfile $hosts"
exec "$project/tools/run-until-done" "$@"
