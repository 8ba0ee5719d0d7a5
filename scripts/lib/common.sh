# shellcheck shell=bash disable=SC2034  # the variables are used by those who source this
# What all commands share; sourced after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/.venv
lowest_venv=$root/.venv-lowest

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

die() {
    printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" = 0 ]; }

# The comment on top of a command is its help.
print_help() { sed -n '2,/^set/{/^set/d;s/^# \?//p}' "$1"; }

# Run a command whose output matters only when it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then
        tail -n 40 "$log" >&2
        printf '\nThis failed (exit code %s): %s\n' "$status" "$*" >&2
    fi
    rm -f "$log"
    return "$status"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds; its output is shown.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || die "$what did not happen in time."
        sleep 0.2
    done
}
