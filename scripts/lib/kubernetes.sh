# shellcheck shell=bash disable=SC2154  # root, name and state are set by those who source this
# A Kubernetes cluster of two nodes on this machine: etcd, the servers, containerd and kubelet.
#
# The servers are built from Debian's source package (scripts/lib/kubernetes/build), once; the nodes
# are described in scripts/lib/kubernetes/nodes.sh.

kubernetes_program=$root/.cache/kubernetes/hyper
kubernetes_parts=$root/scripts/lib/kubernetes
# Unix sockets have short paths, and a kubelet's mounts go where nobody removes them by accident.
kubernetes_run=/run/rosetta-$name
# shellcheck source=scripts/lib/kubernetes/nodes.sh
source "$kubernetes_parts/nodes.sh"

# --- keys ----------------------------------------------------------------------------------------

make_kubernetes_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=$name test authority" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$state/pki/ca.key" -out "$state/pki/ca.crt" 2>/dev/null
}

# make_kubernetes_certificate FILE COMMON_NAME [ORGANISATION] [ALTERNATIVE_NAMES]
make_kubernetes_certificate() {
    local file=$state/pki/$1 extensions=$'basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth,serverAuth'
    [ -z "${4:-}" ] || extensions+=$'\n'"subjectAltName=$4"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "${3:+/O=$3}/CN=$2" \
        -keyout "$file.key" -out "$file.csr" 2>/dev/null
    openssl x509 -req -in "$file.csr" -CA "$state/pki/ca.crt" -CAkey "$state/pki/ca.key" \
        -CAcreateserial -days 3650 -extfile <(echo "$extensions") -out "$file.crt" 2>/dev/null
    rm "$file.csr"
}

# write_kubeconfig NAME [ADDRESS]: of the certificate of that name, for who reaches the server there.
write_kubeconfig() {
    cat >"$state/pki/$1.conf" <<END
apiVersion: v1
kind: Config
clusters:
- {name: test, cluster: {server: "https://${2:-127.0.0.1}:$api_port", certificate-authority: ca.crt}}
users:
- {name: $1, user: {client-certificate: $1.crt, client-key: $1.key}}
contexts:
- {name: test, context: {cluster: test, user: $1}}
current-context: test
END
}

make_kubernetes_keys() {
    mkdir -p "$state/pki"
    make_kubernetes_authority
    make_kubernetes_certificate apiserver kube-apiserver "" \
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,IP:$address,IP:$(machine_address)"
    make_kubernetes_certificate kubelet-client kube-apiserver system:masters
    make_kubernetes_certificate admin admin system:masters
    make_kubernetes_certificate controllers system:kube-controller-manager
    make_kubernetes_certificate scheduler system:kube-scheduler
    make_kubernetes_certificate hub rosetta-hub
    openssl genrsa -out "$state/pki/accounts.key" 2048 2>/dev/null
    openssl rsa -in "$state/pki/accounts.key" -pubout -out "$state/pki/accounts.pub" 2>/dev/null
    local account node
    for account in admin controllers scheduler hub; do write_kubeconfig "$account"; done
    for node in "${kubernetes_nodes[@]}"; do
        make_kubernetes_certificate "$node" "system:node:$node" system:nodes \
            "DNS:$node,IP:$(node_address "$node")"
        write_kubeconfig "$node" "$(machine_address)"
    done
}

# --- processes -----------------------------------------------------------------------------------

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_part NAME COMMAND...: in a session of its own, with its log and its process id in the state.
start_part() {
    local part=$1
    shift
    setsid nohup "$@" >"$state/logs/$part.log" 2>&1 </dev/null &
    echo $! >"$state/$part.pid"
}

# stop_part NAME [SIGNAL]: returns when it is gone.
stop_part() {
    local pid
    [ -e "$state/$1.pid" ] || return 0
    pid=$(cat "$state/$1.pid")
    kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
    for _ in {1..50}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$state/$1.pid"
}

start_etcd() {
    local client=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$peer_port
    start_part etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
        --initial-cluster "default=$peer"
}

start_apiserver() {
    start_part apiserver "$kubernetes_program" kube-apiserver \
        --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=0.0.0.0 \
        --advertise-address="$address" --secure-port="$api_port" \
        --tls-cert-file="$state/pki/apiserver.crt" --tls-private-key-file="$state/pki/apiserver.key" \
        --client-ca-file="$state/pki/ca.crt" --kubelet-certificate-authority="$state/pki/ca.crt" \
        --kubelet-client-certificate="$state/pki/kubelet-client.crt" \
        --kubelet-client-key="$state/pki/kubelet-client.key" \
        --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file="$state/pki/accounts.pub" \
        --service-account-signing-key-file="$state/pki/accounts.key" \
        --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC \
        --enable-admission-plugins=NodeRestriction --enable-aggregator-routing=true \
        --audit-policy-file="$kubernetes_parts/audit.yaml" --audit-log-path="$state/logs/audit.log"
}

start_controllers() {
    local config=$state/pki/controllers.conf
    start_part controllers "$kubernetes_program" kube-controller-manager --kubeconfig="$config" \
        --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --service-account-private-key-file="$state/pki/accounts.key" \
        --root-ca-file="$state/pki/ca.crt" --use-service-account-credentials --leader-elect=false \
        --node-monitor-grace-period=20s --node-monitor-period=3s \
        --bind-address=127.0.0.1 --secure-port="$(free_port)" --port=0
}

start_scheduler() {
    local config=$state/pki/scheduler.conf
    start_part scheduler "$kubernetes_program" kube-scheduler --kubeconfig="$config" \
        --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --leader-elect=false --bind-address=127.0.0.1 --secure-port="$(free_port)" --port=0
}

start_kubernetes_part() {
    case $1 in
        etcd) start_etcd ;;
        apiserver) start_apiserver ;;
        controllers) start_controllers ;;
        scheduler) start_scheduler ;;
        containerd-*) start_containerd "${1#containerd-}" ;;
        kubelet-*) start_kubelet "${1#kubelet-}" ;;
        network-node2) open_link node2 ;;
        *) die "there is no part $1." ;;
    esac
}

# --- configuration -------------------------------------------------------------------------------

write_kubernetes_files() {
    local node
    mkdir -p "$state/logs" "$state/registries"
    printf '#!/bin/sh\nexec runc "$@"\n' >"$state/runc-second"
    chmod +x "$state/runc-second"
    cp "$kubernetes_parts/runsc-as-runc" "$state/"
    for node in "${kubernetes_nodes[@]}"; do write_node_files "$node"; done
}

# Everything that a later command has to know.
describe_kubernetes() {
    cat >"$state/ports" <<END
address=$address
etcd_port=$etcd_port
peer_port=$peer_port
api_port=$api_port
kubelet_port=$kubelet_port
health_port=$health_port
bridge=$bridge
network=$network
block=$block
machine=$(machine_address)
END
}

choose_kubernetes_ports() {
    # The address of a pod's machine; pods reach it, and the API server reaches the kubelet.
    address=$(ip -4 route get 198.51.100.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
    [ -n "$address" ] || address=127.0.0.1
    etcd_port=$(free_port) peer_port=$(free_port) api_port=$(free_port)
    kubelet_port=$(free_port) health_port=$(free_port)
    bridge=k8s$(printf %s "$name" | cksum | cut -c1-8)
    # Three networks from the block on: node1's pods, node2's pods, and the link to node2.
    network=10.$((200 + RANDOM % 50)) block=$((RANDOM % 60 * 4))
}

kubernetes_call() {
    curl --silent --show-error --fail-with-body --max-time 10 --cacert "$state/pki/ca.crt" \
        --cert "$state/pki/admin.crt" --key "$state/pki/admin.key" "${@:2}" \
        "https://127.0.0.1:$api_port$1"
}

kubernetes_api_is_ready() { kubernetes_call /readyz >/dev/null 2>&1; }

kubernetes_node_is_ready() {
    kubernetes_call "/api/v1/nodes/$1" 2>/dev/null | grep -A5 '"type": "Ready"' -B5 | grep -q '"status": "True"'
}

kubernetes_account_exists() {
    kubernetes_call /api/v1/namespaces/rosetta/serviceaccounts/default >/dev/null 2>&1
}

# What the cluster's administrator does for the hub: the namespace, and the rights of its account.
prepare_namespace() {
    local document
    for document in "$kubernetes_parts"/manifests/*.json; do
        kubernetes_call "$(sed -n 's/.*"rosetta-test\/path": "\(.*\)".*/\1/p' "$document")" \
            --header 'Content-Type: application/json' --data-binary "@$document" >/dev/null
    done
    # The rights that docs/kubernetes.md asks for, and no others.
    "$venv/bin/python" "$kubernetes_parts/role.py" |
        kubernetes_call /apis/rbac.authorization.k8s.io/v1/namespaces/rosetta/roles \
            --header 'Content-Type: application/json' --data-binary @- >/dev/null
    wait_for 30 "the account of the namespace's pods" kubernetes_account_exists
}

import_kubernetes_images() {
    local archive
    for archive in "$state"/images/*.tar; do import_archive "$archive"; done
}

start_kubernetes() {
    local node
    start_etcd
    start_apiserver
    for node in "${kubernetes_nodes[@]}"; do
        start_node "$node"
        start_containerd "$node"
    done
    allow_forwarding -I
    wait_for 60 "the start of the API server" kubernetes_api_is_ready
    start_controllers
    start_scheduler
    for node in "${kubernetes_nodes[@]}"; do start_kubelet "$node"; done
    for node in "${kubernetes_nodes[@]}"; do
        wait_for 60 "that $node is ready" kubernetes_node_is_ready "$node"
    done
}

# --- commands ------------------------------------------------------------------------------------

kubernetes_build() {
    install_packages kubernetes
    [ -x "$kubernetes_program" ] || say "Building the servers of Kubernetes (about three minutes, once)."
    quietly "$kubernetes_parts/build" "$(dirname "$kubernetes_program")"
}

kubernetes_up() {
    [ ! -e "$state/ports" ] || die "$name is up already: scripts/cluster --name $name kubernetes down"
    is_root || die "only root can run a node: use sudo."
    kubernetes_build
    say "$name: starting"
    (umask 077 && mkdir -p "$state")
    choose_kubernetes_ports
    write_kubernetes_files
    make_kubernetes_keys
    describe_kubernetes
    python3 "$kubernetes_parts/images.py" "$state/images"
    start_kubernetes
    import_kubernetes_images
    prepare_namespace
    cat <<END

The cluster $name is up.
  kubeconfigs     $state/pki/{admin,hub}.conf
  namespace       rosetta
  images          localhost/rosetta-test/web:1
Remove it with: scripts/cluster --name $name kubernetes down
END
}

load_kubernetes_ports() {
    [ -e "$state/ports" ] || die "$name is not up: scripts/cluster --name $name kubernetes up"
    # shellcheck source=/dev/null
    source "$state/ports"
}

kubernetes_test() {
    export PATH=$venv/bin:$PATH ROSETTA_TEST_KUBERNETES=$state
    (cd "$root" && python -m pytest tests/kubernetes "$@")
}

# stop, kill and start PART: for tests of what becomes of tasks meanwhile.
kubernetes_part() {
    load_kubernetes_ports
    case $1-$2 in
        stop-network-node2) close_link ;;
        stop-*) stop_part "$2" ;;
        kill-*) stop_part "$2" KILL ;;
        start-*) start_kubernetes_part "$2" ;;
    esac
}

# image NAME: from the Docker daemon of this machine into each node, under the same name.
kubernetes_image() {
    local archive
    load_kubernetes_ports
    archive=$(mktemp "$state/images/XXXXXX")
    docker save --output "$archive" "$1"
    import_archive "$archive"
    rm "$archive"
}

kubernetes_logs() { tail -n +1 "$state"/logs/*.log; }

kubernetes_down() {
    local part node
    if [ -e "$state/ports" ]; then
        load_kubernetes_ports
        for node in "${kubernetes_nodes[@]}"; do
            stop_part "kubelet-$node"
            end_pods "$node"
            stop_part "containerd-$node"
        done
        for part in scheduler controllers apiserver etcd; do stop_part "$part"; done
        allow_forwarding -D
        for node in "${kubernetes_nodes[@]}"; do stop_part "$node"; done
        ip link delete "$bridge" 2>/dev/null || true
        ip link delete "$(node_link)" 2>/dev/null || true
    fi
    rm -rf "$state" "$kubernetes_run"
}
