# shellcheck shell=bash disable=SC2154  # name, state and the ports are set by those who source this
# The nodes of a Kubernetes test cluster: node1 in the network of this machine, node2 in one of its own.
#
# Each node is a mount namespace, because kubelet and containerd have folders at fixed paths: a kubelet
# removes the logs of pods that it does not know, such as those of another cluster's node.

kubernetes_nodes=(node1 node2)

# Runs as the process whose namespaces are the node's: bash -c "$node_init" DIRECTORY
# shellcheck disable=SC2016  # expanded by that process
node_init='
for path in /var/log/pods /var/log/containers /var/lib/kubelet /run/containerd /run/netns; do
    mkdir -p "$path" "$0$path"
    mount --bind "$0$path" "$path"
done
mount --make-rshared /
exec sleep infinity
'

node_address() { [ "$1" = node1 ] && echo "$address" || echo "$network.$((block + 2)).2"; }

# The address at which both nodes reach this machine.
machine_address() { echo "$network.$((block + 2)).1"; }

# node_subnet NODE: of its pods.
node_subnet() { echo "$network.$((block + ${1#node} - 1)).0/24"; }

# The interface of this machine that leads to node2.
node_link() { echo "${bridge}n2"; }

in_node() { nsenter --target "$(cat "$state/$1.pid")" --mount --net "${@:2}"; }

node_is_set_up() { [ "$(cat "/proc/$(cat "$state/$1.pid")/comm" 2>/dev/null)" = sleep ]; }

write_node_files() {
    local node=$1 template
    mkdir -p "$state/$node/cni" "$state/$node/kubelet-pki" "$kubernetes_run/$node/ipam"
    for template in containerd.toml kubelet.yaml cni/pods.conflist; do
        sed -e "s|@STATE@|$state|g" -e "s|@RUN@|$kubernetes_run/$node|g" -e "s|@NODE@|$node|g" \
            -e "s|@ADDRESS@|$(node_address "$node")|g" -e "s|@KUBELET_PORT@|$kubelet_port|g" \
            -e "s|@HEALTH_PORT@|$health_port|g" -e "s|@BRIDGE@|$bridge|g" \
            -e "s|@SUBNET@|$(node_subnet "$node")|g" \
            "$kubernetes_parts/$(basename "$template")" >"$state/$node/$template"
    done
}

# start_node NODE: its namespaces, without kubelet and containerd.
start_node() {
    local node=$1 namespaces=(--mount)
    [ "$node" = node1 ] || namespaces+=(--net)
    start_part "$node" unshare "${namespaces[@]}" bash -c "$node_init" "$kubernetes_run/$node/root"
    wait_for 10 "the start of $node" node_is_set_up "$node"
    [ "$node" = node1 ] || connect_node "$node"
}

# connect_node NODE: a link between this machine and the node's network.
connect_node() {
    local node=$1 link
    link=$(node_link)
    ip link add "$link" type veth peer name eth0 netns "$(cat "$state/$node.pid")"
    ip address add "$(machine_address)/24" dev "$link"
    in_node "$node" ip link set lo up
    in_node "$node" ip address add "$(node_address "$node")/24" dev eth0
    in_node "$node" ip link set eth0 up
    in_node "$node" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    open_link "$node"
    in_node "$node" ip route add default via "$(machine_address)"
}

# open_link and close_link NODE: the node is lost while its link is closed, and its pods go on.
open_link() {
    ip link set "$(node_link)" up
    ip route replace "$(node_subnet "$1")" via "$(node_address "$1")"
}

close_link() { ip link set "$(node_link)" down; }

start_containerd() {
    start_part "containerd-$1" nsenter --target "$(cat "$state/$1.pid")" --mount --net \
        containerd -c "$state/$1/containerd.toml"
}

start_kubelet() {
    local node=$1
    start_part "kubelet-$node" nsenter --target "$(cat "$state/$node.pid")" --mount --net \
        "$kubernetes_program" kubelet --config="$state/$node/kubelet.yaml" \
        --kubeconfig="$state/pki/$node.conf" --hostname-override="$node" \
        --node-ip="$(node_address "$node")" --root-dir="$kubernetes_run/$node/kubelet" \
        --cert-dir="$state/$node/kubelet-pki" --container-runtime=remote \
        --container-runtime-endpoint="unix://$kubernetes_run/$node/containerd.sock"
}

# node_containers NODE ARGUMENTS...: a command of the node's containerd.
node_containers() { ctr --address "$kubernetes_run/$1/containerd.sock" --namespace k8s.io "${@:2}"; }

# import_archive FILE: an archive of `docker save`, into each node.
import_archive() {
    local node
    for node in "${kubernetes_nodes[@]}"; do
        quietly node_containers "$node" images import "$1"
    done
}

# Pods outlive kubelet and containerd: their shims are ended by the containers' ids.
end_pods() {
    local container
    for container in $(node_containers "$1" tasks list --quiet 2>/dev/null); do
        quietly timeout 10 ctr --address "$kubernetes_run/$1/containerd.sock" --namespace k8s.io \
            tasks delete --force "$container" || true
    done
}

# Where a Docker daemon has run, nothing else is forwarded by default: allow_forwarding -I|-D
allow_forwarding() {
    local interface direction
    for interface in "$bridge" "$(node_link)"; do
        for direction in -i -o; do
            iptables "$1" FORWARD "$direction" "$interface" -j ACCEPT 2>/dev/null || true
        done
    done
}
