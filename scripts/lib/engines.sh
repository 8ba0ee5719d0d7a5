# shellcheck shell=bash
# Container engines: which of them this user can use, and the Docker daemon where nothing starts it.

dockerd_pid=

docker_answers() { have docker && timeout 20 docker info >/dev/null 2>&1; }

podman_answers() { have podman && timeout 20 podman info >/dev/null 2>&1; }

# usable_engines: the names, as the configuration spells them, the best for building images first.
usable_engines() {
    ! docker_answers || echo docker
    ! podman_answers || echo podman
    if have apptainer || have singularity; then echo singularity; fi
}

# start_docker LOG: makes the daemon answer where it is installed; quiet where it answers already.
start_docker() {
    if docker_answers || ! is_installed dockerd || ! is_root; then return 0; fi
    if [ -d /run/systemd/system ]; then
        say "Starting the Docker daemon."
        quietly systemctl start docker
        return
    fi
    if needs_cgroup_mounts && have cgroupfs-mount; then quietly cgroupfs-mount; fi
    say "Starting the Docker daemon (log: $1)."
    mkdir -p "$(dirname "$1")"
    # In a session of its own: Ctrl-C is for us, and the containers are stopped before the daemon.
    PATH=$PATH:/usr/sbin:/sbin setsid dockerd >"$1" 2>&1 </dev/null &
    dockerd_pid=$!
    local deadline=$((SECONDS + 60))
    until docker_answers; do
        if ! kill -0 "$dockerd_pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$1" >&2
            stop_docker
            die "the Docker daemon did not start."
        fi
        sleep 0.2
    done
}

# Stops the daemon that start_docker started, and no other.
stop_docker() {
    [ -n "$dockerd_pid" ] || return 0
    say "Stopping the Docker daemon."
    kill "$dockerd_pid" 2>/dev/null || true
    wait "$dockerd_pid" 2>/dev/null || true
    dockerd_pid=
}

image_id() { "$1" image inspect --format '{{.Id}}' "$2" 2>/dev/null | sed 's/^sha256://'; }

# copy_to_podman IMAGE...: those that podman lacks, or has another version of, as docker has them.
copy_to_podman() {
    local image changed=()
    for image in "$@"; do
        [ "$(image_id docker "$image")" = "$(image_id podman "$image")" ] || changed+=("$image")
    done
    [ ${#changed[@]} -gt 0 ] || return 0
    say "Copying to podman: ${changed[*]}"
    docker save "${changed[@]}" | podman load --quiet >/dev/null
}
