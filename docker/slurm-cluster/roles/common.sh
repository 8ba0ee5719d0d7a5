# shellcheck shell=bash
# What the machines of the test cluster share; sourced by the scripts of the roles.

# The files that scripts/cluster made for this machine.
given=/etc/cluster

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

# wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "did not happen in time: $*"
            exit 1
        fi
        sleep 0.1
    done
}

# A machine that was switched off left files of its processes behind.
prepare() {
    rm -rf /run/cluster /run/docker* /run/containerd /var/run/docker.pid
    mkdir -p /run/cluster /run/sshd /var/log/cluster
    ln -sf /opt/cluster/cluster-service /usr/local/bin/
    cp "$given/ca.pem" /usr/local/share/ca-certificates/cluster.crt
    update-ca-certificates >/dev/null 2>&1
}

start_sshd() {
    install -m 600 "$given/ssh_host_ed25519_key" /etc/ssh/
    touch /etc/ssh/user_ca.pub
    cluster-service start sshd
}

start_munge() {
    install -d -o munge -g munge -m 755 /run/munge
    install -d -o munge -g munge -m 700 /var/lib/munge /var/log/munge /etc/munge
    install -o munge -g munge -m 400 "$given/munge.key" /etc/munge/munge.key
    cluster-service start munged
    wait_until 20 test -S /run/munge/munge.socket.2
}

configure_slurm() {
    install -d -m 755 /etc/slurm
    install -m 644 /opt/cluster/slurm/* /etc/slurm/
}

# Ready, and from now on the logs are what this machine says.
stay() {
    touch /run/cluster/ready
    say "ready"
    exec tail -n +1 --retry -F /var/log/cluster/*.log
}
