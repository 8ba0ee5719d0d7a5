# shellcheck shell=bash disable=SC2154  # root, venv, name and state are set by those who source this
# The test cluster in containers: two networks, four machines, and a standalone host.
#
# `front` holds what the machine of the hub can reach: controller, login node, host. `nodes` holds the
# compute nodes; this machine has no address in it, and the controller is the nodes' way out.

machines=(controller login node1 node2 host)
version=$(sed -n 's/^version = //p' "$root/setup.cfg")
# What Apptainer's user namespaces, FUSE, and Docker in a container need of the container around them.
engine_privileges=(
    --cap-add=SYS_ADMIN --cap-add=NET_ADMIN --cap-add=SYS_PTRACE
    --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined
    --security-opt=systempaths=unconfined --device=/dev/fuse --device=/dev/net/tun
)
# Before Apptainer's own in the search path: an image file in two seconds, not in a minute.
quick_images=(--volume "$root/tests/support/mksquashfs:/usr/local/bin/mksquashfs:ro")

# --- keys ----------------------------------------------------------------------------------------

make_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=$name test authority" -keyout "$state/ca.key" -out "$state/ca.pem" 2>/dev/null
}

# make_certificate FILE COMMON_NAME USAGE [ALTERNATIVE_NAMES]
make_certificate() {
    local extensions="extendedKeyUsage=$3"
    [ -z "${4:-}" ] || extensions+=$'\n'"subjectAltName=$4"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
        -keyout "$1.key" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$state/ca.pem" -CAkey "$state/ca.key" -CAcreateserial \
        -days 3650 -extfile <(echo "$extensions") -out "$1.pem" 2>/dev/null
    rm "$1.csr"
}

# The directory of a machine holds what it is given, and is mounted there.
make_keys() {
    local machine
    make_authority
    head -c 1024 /dev/urandom >"$state/munge.key"
    head -c 32 /dev/urandom >"$state/jwt_hs256.key"
    for machine in "${machines[@]}"; do
        mkdir -p "$state/$machine"
        cp "$state/ca.pem" "$state/$machine/"
        ssh-keygen -q -t ed25519 -N '' -C "$machine" -f "$state/$machine/ssh_host_ed25519_key"
        [ "$machine" = host ] || cp "$state/munge.key" "$state/$machine/"
    done
    cp "$state/jwt_hs256.key" "$state/controller/"
    make_certificate "$state/controller/registry" registry serverAuth "DNS:registry,IP:127.0.0.1"
    make_certificate "$state/host/docker" host serverAuth "DNS:host,IP:$front.4"
    make_certificate "$state/docker-client" rosetta clientAuth
}

# --- networks and machines -----------------------------------------------------------------------

# make_network SUFFIX OPTION...: prints the first three numbers of its addresses.
make_network() {
    local suffix=$1 prefix
    shift
    for _ in {1..20}; do
        prefix=10.$((200 + RANDOM % 50)).$((RANDOM % 250))
        if docker network create --label "rosetta.cluster=$name" --subnet "$prefix.0/24" "$@" \
            "$name-$suffix" >/dev/null 2>&1; then
            echo "$prefix"
            return
        fi
    done
    die "no network can be made for $name."
}

make_networks() {
    front=$(make_network front)
    # Without an address of this machine in it: it can't connect to the nodes.
    nodes=$(make_network nodes -o com.docker.network.bridge.inhibit_ipv4=true \
        -o com.docker.network.bridge.enable_ip_masquerade=false)
}

# A file with a btrfs, in which each user's home is a subvolume: this kind has quotas of its own.
make_homes() {
    local device user
    truncate --size 20G "$state/homes.img"
    # shellcheck disable=SC2016  # of the shell in the container
    docker run --rm --entrypoint sh --volume "$state:/state" "rosetta/slurm-cluster:$version" -ec '
        for user in alice bob; do install -d -m 700 -o $user -g $user /homes/$user; done
        mkfs.btrfs --quiet --rootdir /homes --subvol alice --subvol bob /state/homes.img'
    device=$(losetup --find --show "$state/homes.img")
    for user in alice bob; do
        docker volume create --label "rosetta.cluster=$name" --driver local --opt type=btrfs \
            --opt "device=$device" --opt "o=subvol=$user,noatime" "$name-home-$user" >/dev/null
        homes+=(--volume "$name-home-$user:/home/$user")
    done
    # For what groups share; everybody may make directories there.
    docker volume create --label "rosetta.cluster=$name" "$name-scratch" >/dev/null
    docker run --rm --entrypoint chmod --volume "$name-scratch:/scratch" "rosetta/slurm-cluster:$version" 1777 /scratch
    homes+=(--volume "$name-scratch:/scratch")
}

# create_machine NAME IMAGE NETWORK ADDRESS OPTION...
create_machine() {
    local machine=$1 image=$2 network=$3 address=$4
    shift 4
    docker create --name "$name-$machine" --hostname "$machine" --label "rosetta.cluster=$name" \
        --network "$name-$network" --ip "$address" "${hosts[@]}" \
        --volume "$root/docker/slurm-cluster/roles:/opt/cluster:ro" \
        --volume "$state/$machine:/etc/cluster:ro" "$@" \
        "rosetta/$image:$version" "/opt/cluster/start-${machine%[12]}" >/dev/null
}

create_machines() {
    local homes=() node number=11
    local tmp=/tmp:exec,mode=1777,size=3g  # takes memory for what is in it only
    make_homes
    hosts=(--add-host "controller:$nodes.2" --add-host "registry:$nodes.2" --add-host "login:$nodes.3"
        --add-host "node1:$nodes.11" --add-host "node2:$nodes.12")
    create_machine controller slurm-cluster front "$front.2" --cap-add NET_ADMIN \
        --sysctl net.ipv4.ip_forward=1 --env "NODES=$nodes.0/24" --publish 127.0.0.1::5000 \
        --volume rosetta-cluster-registry:/var/lib/registry
    docker network connect --ip "$nodes.2" "$name-nodes" "$name-controller"
    # It may mount, so that tests can cover a directory there, or set a quota.
    create_machine login slurm-cluster front "$front.3" "${homes[@]}" --cap-add SYS_ADMIN \
        --security-opt apparmor=unconfined --tmpfs "$tmp"
    docker network connect --ip "$nodes.3" "$name-nodes" "$name-login"
    for node in node1 node2; do
        create_machine "$node" slurm-node nodes "$nodes.$number" "${homes[@]}" \
            "${engine_privileges[@]}" "${quick_images[@]}" --tmpfs "$tmp" --env "GATEWAY=$nodes.2"
        number=$((number + 1))
    done
    hosts=(--add-host "registry:$front.2")
    create_machine host standalone-host front "$front.4" "${engine_privileges[@]}" "${quick_images[@]}" --tmpfs "$tmp"
}

is_ready() { docker exec "$name-$1" test -e /run/cluster/ready 2>/dev/null; }

nodes_are_idle() {
    [ "$(docker exec "$name-controller" sinfo --noheader --partition main --format %T 2>/dev/null)" = idle ]
}

# --- the registry --------------------------------------------------------------------------------

# Its volume outlives the cluster, as the images do: filling it takes a minute.
fill_registry() {
    local image registry
    registry=$(docker port "$name-controller" 5000/tcp | head -n 1)
    for image in "rosetta/jupyternotebook:$version" "rosetta/minimaldesktop:$version" \
        "rosetta/sshserver:$version" rosetta-test/agent:latest; do
        docker tag "$image" "$registry/$image"
        quietly docker push --quiet "$registry/$image"
        docker rmi --no-prune "$registry/$image" >/dev/null
    done
}

# --- what one can ask of it ----------------------------------------------------------------------

build_images() {
    "$root/docker/build" jupyternotebook minimaldesktop sshserver slurm-cluster standalone-host slurm-node
    quietly docker build --network host --tag rosetta-test/agent "$root/tests/agent/image"
}

known_hosts() { printf '%s %s\n' "$1" "$(cut -d ' ' -f 1,2 "$state/$2/ssh_host_ed25519_key.pub")"; }

# For programs: tests/support/cluster.py reads it.
describe() {
    printf '{"name": "%s", "front": "%s", "nodes": "%s"}\n' "$name" "$front" "$nodes" >"$state/cluster.json"
    { known_hosts "$front.3" login; known_hosts "$nodes.3" login; known_hosts login login
      known_hosts "$nodes.11" node1; known_hosts "$nodes.12" node2
      known_hosts node1 node1; known_hosts node2 node2; } >"$state/known_hosts"
    known_hosts "$front.4" host >"$state/known_hosts.host"
}

print_description() {
    cat <<END

The cluster $name is up. Users: alice, bob (login, nodes), carol (host).
  login node      $front.3, port 22; first put your public key there:
                  docker exec -i -u alice $name-login sh -c 'mkdir -p ~/.ssh; cat >>~/.ssh/authorized_keys' <KEY.pub
                  ssh -o UserKnownHostsFile=$state/known_hosts alice@$front.3
  compute nodes   node1 $nodes.11, node2 $nodes.12 (from the login node alone)
  this machine    $front.1, as the nodes see it
  slurmrestd      http://$front.2:6820, key of the tokens $state/jwt_hs256.key
  registry        registry:5000 for nodes and host, $(docker port "$name-controller" 5000/tcp | head -n 1) here
  host            $front.4, port 22, host key in $state/known_hosts.host
                  Docker at tcp://$front.4:2376 with $state/{ca.pem,docker-client.pem,docker-client.key}
Remove it with: scripts/cluster --name $name slurm down
END
}

cluster_up() {
    local machine
    [ ! -e "$state/cluster.json" ] || die "$name is up already, or was not removed: scripts/cluster --name $name slurm down"
    is_root || die "only root can mount the homes of the cluster's users: use sudo."
    start_docker "$root/.cache/dockerd.log"
    build_images
    say "$name: starting"
    cluster_down
    make_networks
    (umask 077 && mkdir -p "$state" && make_keys)
    create_machines
    docker start "${machines[@]/#/$name-}" >/dev/null
    for machine in "${machines[@]}"; do wait_for 300 "the start of $machine" is_ready "$machine"; done
    wait_for 200 "that the nodes are idle" nodes_are_idle
    fill_registry
    describe
    print_description
}

cluster_test() {
    export PATH=$venv/bin:$PATH ROSETTA_TEST_CLUSTER=$name
    (cd "$root" && python -m pytest tests/cluster tests/hpc "$@")
}

cluster_logs() {
    local machine
    for machine in "${machines[@]}"; do
        printf '\n===== %s\n' "$machine"
        docker logs "$name-$machine" 2>&1
    done
}

ours() { docker "$1" ls --quiet "${@:2}" --filter "label=rosetta.cluster=$name"; }

cluster_down() {
    local found device
    mapfile -t found < <(ours container --all)
    [ ${#found[@]} = 0 ] || docker rm --force --volumes "${found[@]}" >/dev/null
    mapfile -t found < <(ours network)
    [ ${#found[@]} = 0 ] || docker network rm "${found[@]}" >/dev/null
    mapfile -t found < <(ours volume)
    [ ${#found[@]} = 0 ] || docker volume rm "${found[@]}" >/dev/null
    while read -r device; do
        losetup --detach "$device"
    done < <(losetup --noheadings --output NAME --associated "$state/homes.img" 2>/dev/null)
    rm -rf "$state"
}
