# shellcheck shell=bash disable=SC2154  # root, name and state are set by those who source this
# A Kubernetes cluster of one node on this machine: etcd, the servers, containerd and kubelet.
#
# The servers are built from Debian's source package (scripts/lib/kubernetes/build), once; the node
# shares the network of this machine, and its pods have a bridge of their own.

kubernetes_program=$root/.cache/kubernetes/hyper
kubernetes_parts=$root/scripts/lib/kubernetes
# Unix sockets have short paths, and a kubelet's mounts go where nobody removes them by accident.
kubernetes_run=/run/rosetta-$name

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

# write_kubeconfig NAME: of the certificate of that name.
write_kubeconfig() {
    cat >"$state/pki/$1.conf" <<END
apiVersion: v1
kind: Config
clusters:
- {name: test, cluster: {server: "https://127.0.0.1:$api_port", certificate-authority: ca.crt}}
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
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1,IP:10.96.0.1"
    make_kubernetes_certificate kubelet-client kube-apiserver system:masters
    make_kubernetes_certificate admin admin system:masters
    make_kubernetes_certificate controllers system:kube-controller-manager
    make_kubernetes_certificate scheduler system:kube-scheduler
    make_kubernetes_certificate node1 system:node:node1 system:nodes "DNS:node1,IP:$address"
    make_kubernetes_certificate hub rosetta-hub
    openssl genrsa -out "$state/pki/accounts.key" 2048 2>/dev/null
    openssl rsa -in "$state/pki/accounts.key" -pubout -out "$state/pki/accounts.pub" 2>/dev/null
    local one
    for one in admin controllers scheduler node1 hub; do write_kubeconfig "$one"; done
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

# stop_part NAME: returns when it is gone.
stop_part() {
    local pid
    [ -e "$state/$1.pid" ] || return 0
    pid=$(cat "$state/$1.pid")
    kill "$pid" 2>/dev/null || true
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
        --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=127.0.0.1 \
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
        --enable-admission-plugins=NodeRestriction
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

start_kubelet() {
    start_part kubelet "$kubernetes_program" kubelet --config="$state/kubelet.yaml" \
        --kubeconfig="$state/pki/node1.conf" --hostname-override=node1 --node-ip="$address" \
        --root-dir="$kubernetes_run/kubelet" --cert-dir="$state/kubelet-pki" \
        --container-runtime=remote \
        --container-runtime-endpoint="unix://$kubernetes_run/containerd.sock"
}

start_kubernetes_part() {
    case $1 in
        etcd) start_etcd ;;
        apiserver) start_apiserver ;;
        controllers) start_controllers ;;
        scheduler) start_scheduler ;;
        containerd) start_part containerd containerd -c "$state/containerd.toml" ;;
        kubelet) start_kubelet ;;
        *) die "there is no part $1." ;;
    esac
}

kubernetes_processes=(kubelet containerd scheduler controllers apiserver etcd)

# --- configuration -------------------------------------------------------------------------------

write_kubernetes_files() {
    mkdir -p "$state/logs" "$state/cni" "$state/kubelet-pki" "$kubernetes_run/ipam"
    printf '#!/bin/sh\nexec runc "$@"\n' >"$state/runc-second"
    chmod +x "$state/runc-second"
    local template
    for template in containerd.toml kubelet.yaml cni/pods.conflist; do
        sed -e "s|@STATE@|$state|g" -e "s|@RUN@|$kubernetes_run|g" -e "s|@ADDRESS@|$address|g" \
            -e "s|@KUBELET_PORT@|$kubelet_port|g" -e "s|@HEALTH_PORT@|$health_port|g" \
            -e "s|@BRIDGE@|$bridge|g" -e "s|@SUBNET@|$subnet|g" \
            "$kubernetes_parts/$(basename "$template")" >"$state/$template"
    done
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
subnet=$subnet
END
}

choose_kubernetes_ports() {
    # The address of a pod's machine; pods reach it, and the API server reaches the kubelet.
    address=$(ip -4 route get 198.51.100.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
    [ -n "$address" ] || address=127.0.0.1
    etcd_port=$(free_port) peer_port=$(free_port) api_port=$(free_port)
    kubelet_port=$(free_port) health_port=$(free_port)
    bridge=k8s$(printf %s "$name" | cksum | cut -c1-8)
    subnet=10.$((200 + RANDOM % 50)).$((RANDOM % 250)).0/24
}

kubernetes_call() {
    curl --silent --show-error --fail-with-body --max-time 10 --cacert "$state/pki/ca.crt" \
        --cert "$state/pki/admin.crt" --key "$state/pki/admin.key" "${@:2}" \
        "https://127.0.0.1:$api_port$1"
}

kubernetes_api_is_ready() { kubernetes_call /readyz >/dev/null 2>&1; }

kubernetes_node_is_ready() {
    kubernetes_call /api/v1/nodes/node1 2>/dev/null | grep -A5 '"type": "Ready"' -B5 | grep -q '"status": "True"'
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

# import_archive FILE: an archive of `docker save`, into the node.
import_archive() {
    quietly ctr --address "$kubernetes_run/containerd.sock" --namespace k8s.io images import "$1"
}

import_kubernetes_images() {
    local archive
    for archive in "$state"/images/*.tar; do import_archive "$archive"; done
}

# --- commands ------------------------------------------------------------------------------------

kubernetes_build() {
    install_packages kubernetes
    [ -x "$kubernetes_program" ] || say "Building the servers of Kubernetes (about three minutes, once)."
    quietly "$kubernetes_parts/build" "$(dirname "$kubernetes_program")"
}

kubernetes_up() {
    local part
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
    start_kubernetes_part etcd
    start_kubernetes_part apiserver
    start_kubernetes_part containerd
    wait_for 60 "the start of the API server" kubernetes_api_is_ready
    for part in controllers scheduler kubelet; do start_kubernetes_part "$part"; done
    wait_for 60 "that the node is ready" kubernetes_node_is_ready
    import_kubernetes_images
    prepare_namespace
    allow_forwarding -I
    cat <<END

The cluster $name is up.
  kubeconfigs     $state/pki/{admin,hub}.conf
  namespace       rosetta
  images          localhost/rosetta-test/web:1
Remove it with: scripts/cluster --name $name kubernetes down
END
}

# Where a Docker daemon has run, nothing else is forwarded by default.
allow_forwarding() {
    local direction
    for direction in -i -o; do
        iptables "$1" FORWARD "$direction" "$bridge" -j ACCEPT 2>/dev/null || true
    done
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

# stop and start PART: for tests of what becomes of tasks meanwhile.
kubernetes_part() {
    load_kubernetes_ports
    case $1 in
        stop) stop_part "$2" ;;
        start) start_kubernetes_part "$2" ;;
    esac
}

# image NAME: from the Docker daemon of this machine into the node, under the same name.
kubernetes_image() {
    local archive
    load_kubernetes_ports
    archive=$(mktemp "$state/images/XXXXXX")
    docker save --output "$archive" "$1"
    import_archive "$archive"
    rm "$archive"
}

kubernetes_logs() { tail -n +1 "$state"/logs/*.log; }

# Pods outlive kubelet and containerd: their shims are ended by the containers' ids.
end_pods() {
    local container
    for container in $(ctr --address "$kubernetes_run/containerd.sock" --namespace k8s.io tasks list --quiet 2>/dev/null); do
        ctr --address "$kubernetes_run/containerd.sock" --namespace k8s.io tasks delete --force "$container" \
            >/dev/null 2>&1 || true
    done
}

kubernetes_down() {
    local part mount
    if [ -e "$state/ports" ]; then
        load_kubernetes_ports
        stop_part kubelet
        end_pods
        for part in "${kubernetes_processes[@]}"; do stop_part "$part"; done
        allow_forwarding -D
        ip link delete "$bridge" 2>/dev/null || true
    fi
    while read -r mount; do
        umount --lazy "$mount" 2>/dev/null || true
    done < <(awk '{print $2}' /proc/mounts | grep -e "^$kubernetes_run/" -e "^$state/" | sort -r)
    rm -rf "$state" "$kubernetes_run"
}
