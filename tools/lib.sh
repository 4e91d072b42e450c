# shellcheck shell=bash
# Sourced by tools/quickstart and tools/check: where the project is, packages, cores, builds.
# shellcheck disable=SC2034 # the lists of packages are for the scripts that source this

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

build_packages=(build-essential cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libhdf5-openmpi-dev libopenblas-dev
    libyaml-dev libxxhash-dev librandom123-dev zlib1g-dev)
analysis_modules="h5py numpy pandas xarray matplotlib"
analysis_packages=(python3 python3-h5py python3-numpy python3-pandas python3-xarray python3-matplotlib)
test_packages=(libcmocka-dev hdf5-tools netcdf-bin procps iproute2 clang-format clang-tidy shellcheck)
slurm_packages=(slurm-wlm munge)
test_modules="$analysis_modules pytest h5netcdf yaml"
test_python_packages=("${analysis_packages[@]}" python3-pytest python3-h5netcdf python3-yaml)

# Root may use mpirun; one thread a rank; no attempt to read a neighbour's memory, which containers refuse.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

say() {
    printf '%s\n' "== $*"
}

stop() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Packages among the arguments that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
    done
}

# Installs what is missing, as root or with a sudo that asks nothing; else prints the line to run and ends.
# Other systems than Debian's, and SEEDBED_SKIP_PACKAGES=1, go on with what there is.
install_packages() {
    local missing as_root=()
    if [ -n "${SEEDBED_SKIP_PACKAGES:-}" ] || ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            {
                echo "packages are missing. Run this once, then ${0##*/} again:"
                echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
                echo "or set SEEDBED_SKIP_PACKAGES=1 if you have them from elsewhere"
            } >&2
            exit 1
        fi
        as_root=(sudo -n)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get -q update >/dev/null || stop "apt-get update failed (no network?)"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" >/dev/null ||
        stop "apt-get could not install ${missing[*]}"
}

# Packages for a Python with these modules, only if no Python here has them.   install_python "modules" packages...
install_python() {
    local modules
    read -ra modules <<<"$1"
    shift
    "$root/tools/find-python" "${modules[@]}" >/dev/null 2>&1 || install_packages "$@"
}

# Cores that this process may use: its affinity, and its container's share of time.
count_cores() {
    local cores quota period
    cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    if [ -r /sys/fs/cgroup/cpu.max ]; then
        read -r quota period </sys/fs/cgroup/cpu.max
        if [ "$quota" != max ] && [ $((quota / period)) -lt "$cores" ]; then
            cores=$((quota / period > 0 ? quota / period : 1))
        fi
    fi
    echo "$cores"
}

# A folder that can be written, made if need be.
need_writable() {
    mkdir -p "$1" 2>/dev/null || stop "cannot make $1: is the project somebody else's?"
    [ -w "$1" ] || stop "cannot write into $1: it belongs to $(stat -c %U "$1"); remove it, or run as that user"
}

# Configures a preset in build/<preset>.   configure PRESET CMAKE-OPTIONS...
configure() {
    local preset=$1 folder=$root/build/$1 generator=() home
    shift
    need_writable "$root/build"
    if [ -f "$folder/CMakeCache.txt" ]; then
        home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt")
        [ "$home" = "$root" ] || rm -rf "$folder" # made where the project was before
    fi
    need_writable "$folder"
    if [ ! -f "$folder/CMakeCache.txt" ] && command -v ninja >/dev/null; then
        generator=(-G Ninja)
    fi
    run_quietly "$folder/configure.log" cmake -S "$root" --preset "$preset" -B "$folder" "${generator[@]}" "$@"
}

# Runs a command with its output in a file, which is shown if it fails.   run_quietly FILE COMMAND...
run_quietly() {
    local log=$1
    shift
    if ! (cd "$root" && "$@") >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        stop "failed: $* (all of it in $log)"
    fi
}
