# shellcheck shell=bash
# The system packages that a purpose needs, and how the missing ones are installed.

# Lines of "PROGRAM PACKAGE..."; a package is missing when its program is. A path may have stars.
packages_for() {
    case $1 in
        python)
            echo "python3 python3"
            python3 -c 'import ensurepip, venv' 2>/dev/null || echo "- python3-venv"
            ;;
        docker)
            echo "dockerd docker.io ca-certificates"
            echo "docker docker-cli"
            ! needs_cgroup_mounts || echo "cgroupfs-mount cgroupfs-mount"
            ;;
        podman)
            echo "podman podman crun netavark aardvark-dns catatonit fuse-overlayfs"
            echo "newuidmap uidmap"
            echo "slirp4netns slirp4netns"
            ;;
        images)
            echo "debootstrap debootstrap"
            ;;
        registry)
            echo "docker-registry docker-registry"
            ;;
        check)
            echo "shellcheck shellcheck"
            echo "git git"
            ;;
        test)
            packages_for docker
            packages_for podman
            packages_for images
            packages_for registry
            packages_for check
            echo "pasta passt"
            echo "iptables-restore iptables"
            echo "mkfs.ext4 e2fsprogs"
            echo "chromium-headless-shell chromium-headless-shell fonts-dejavu-core"
            echo "/usr/lib/postgresql/*/bin/postgres postgresql"
            echo "ssh openssh-client"
            echo "sshd openssh-server"
            echo "sshpass sshpass"
            echo "rsync rsync"
            echo "Xvfb xvfb"
            echo "xauth xauth"
            echo "xclock x11-apps"
            echo "xwininfo x11-utils"
            echo "openssl openssl"
            echo "curl curl"
            echo "ip iproute2"
            echo "ps procps"
            echo "promtool prometheus"
            ;;
        kubernetes)
            echo "go golang-go"
            echo "dpkg-source dpkg-dev"
            echo "etcd etcd-server"
            echo "containerd containerd"
            echo "runc runc"
            echo "runsc runsc"
            echo "kubectl kubernetes-client"
            echo "/usr/lib/cni/bridge containernetworking-plugins"
            echo "iptables iptables"
            echo "ip iproute2"
            echo "openssl openssl"
            echo "curl curl"
            ;;
        bench)
            packages_for test
            echo "wrk wrk"
            ;;
    esac
}

needs_cgroup_mounts() { [ ! -d /run/systemd/system ] && ! ls /sys/fs/cgroup/* >/dev/null 2>&1; }

is_installed() {
    case $1 in
        -) return 1 ;;
        /*) compgen -G "$1" >/dev/null ;;
        # System programs are not on the PATH of every user.
        *) PATH=$PATH:/usr/sbin:/sbin have "$1" ;;
    esac
}

missing_packages() {
    local purpose program packages
    for purpose in "$@"; do
        while read -r program packages; do
            is_installed "$program" || tr ' ' '\n' <<<"$packages"
        done < <(packages_for "$purpose")
    done | sort -u
}

# install_packages PURPOSE...: nothing where nothing is missing.
install_packages() {
    local packages become=()
    mapfile -t packages < <(missing_packages "$@")
    [ ${#packages[@]} -gt 0 ] || return 0
    have apt-get || die "these packages are missing, and only Debian and Ubuntu are known here: ${packages[*]}"
    if ! is_root; then
        have sudo || die "as root, install these packages first: apt-get install ${packages[*]}"
        become=(sudo)
    fi
    say "Installing system packages: ${packages[*]}"
    quietly "${become[@]}" apt-get update -q -o Acquire::Retries=3
    mapfile -t packages < <(known_packages "${packages[@]}")
    quietly "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "${packages[@]}"
}

# Some releases have a program in a package of its own and others do not (docker-cli).
known_packages() {
    local package
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then echo "$package"; fi
    done
}
