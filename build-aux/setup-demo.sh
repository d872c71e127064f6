# shellcheck shell=bash disable=SC2034 # STEPS is read by ../setup
# setup demo: install, start, and bring a model from data to an answer over HTTP.
# Read by ../setup; uses its steps.

INSTALL_CONFIGURE=("--prefix=$PREFIX" --sysconfdir=/etc --localstatedir=/var --disable-werror 'CFLAGS=-O2 -g')
RUNTIME=${ONEBOX_RUNTIME_DIR:-/run/onebox}
EXAMPLE=iris

has_systemd() { [ -d /run/systemd/system ]; }

onebox() { ONEBOX_STATE_DIR=$STATE ONEBOX_RUNTIME_DIR=$RUNTIME "$PREFIX/bin/onebox" "$@"; }

# What is installed, as one number: a running onebox that was started from something else is
# started again.
installed_version() {
        cat "$PREFIX"/lib/onebox/* "$PREFIX/bin/onebox" | sha256sum | cut -c 1-16
}

install_build() {
        make -C "$BUILD/demo" --no-print-directory -s install
}

# --- starting and stopping -----------------------------------------------------------------------

start_units() {
        systemd-sysusers
        systemd-tmpfiles --create "$PREFIX/lib/tmpfiles.d/onebox.conf"
        systemctl daemon-reload
        systemctl preset onebox.target onebox-services.path
        systemctl enable --quiet onebox.target onebox-{launcher,scheduler,tracking,web}.socket
        if [ "$(cat "$STATE/.running" 2>/dev/null || true)" != "$(installed_version)" ]; then
                systemctl stop onebox.target
        fi
        systemctl start onebox.target
}

# Where systemd is not the first process: `onebox up`, in the background once everything answers.
start_up() {
        mkdir -p "$STATE" "$RUNTIME"
        if ask web /health >/dev/null 2>&1 && [ "$(cat "$STATE/.running" 2>/dev/null || true)" = "$(installed_version)" ]; then
                return 0
        fi
        onebox down
        onebox up --detach 9>&-
}

# ask SOCKET PATH [CURL-ARGUMENTS]: a request to a daemon's Unix socket.
ask() {
        curl -sS -f -m 20 --unix-socket "$RUNTIME/$1.sock" "http://localhost$2" "${@:3}"
}

start() {
        local i
        if has_systemd; then start_units; else start_up; fi
        for ((i = 0; i < 300; i++)); do
                if ask tracking /health >/dev/null 2>&1 && ask web /health >/dev/null 2>&1 &&
                        ask scheduler /api/v2/monitor/health >/dev/null 2>&1; then
                        installed_version >"$STATE/.running"
                        return 0
                fi
                sleep 0.1
        done
        echo "error: the daemons do not answer after 30 s"
        if has_systemd; then journalctl -n 40 --no-pager -u 'onebox-*'; else tail -n 40 "$STATE/up.log"; fi
        return 1
}

demo_stop() {
        need_root stop
        if has_systemd; then
                systemctl disable --now --quiet onebox.target
                systemctl stop 'onebox-*.socket' 'onebox-serving@*.service'
        else
                onebox down
        fi
        say "onebox is stopped; its data is in $STATE"
}

# --- the example ---------------------------------------------------------------------------------

# The project in place whole or not at all: copied aside, then renamed.
deploy() {
        local to=$STATE/pipelines/$EXAMPLE aside=$STATE/.deploy i
        mkdir -p "$STATE/pipelines"
        if ! diff -rq -x __pycache__ "$TOP/examples/$EXAMPLE" "$to" >/dev/null 2>&1; then
                rm -rf "$aside"
                mkdir "$aside"
                cp -r "$TOP/examples/$EXAMPLE" "$aside/new"
                find "$aside/new" -name __pycache__ -prune -exec rm -rf {} +
                chmod -R a+rX "$aside/new"
                [ ! -e "$to" ] || mv "$to" "$aside/old"
                mv "$aside/new" "$to"
                rm -rf "$aside"
        fi
        for ((i = 0; i < 300; i++)); do
                ask scheduler "/api/v2/dags/$EXAMPLE" >/dev/null 2>&1 && return
                sleep 0.1
        done
        echo "error: the scheduler does not take the pipeline $EXAMPLE:"
        ask scheduler /api/v2/importErrors || true
        return 1
}

# Is there a version in production already?
is_trained() {
        ask tracking "/api/2.0/mlflow/registered-models/alias?name=$EXAMPLE&alias=production" >/dev/null 2>&1
}

train() {
        say
        say "Training: fetch, then 12 parameter sets side by side, validate, promote"
        onebox trigger "$EXAMPLE" --follow || die "the run failed: onebox runs $EXAMPLE, onebox logs says why"
}

# Somebody who may sign in to the pages by password; the password is shown once and kept nowhere.
make_user() {
        local password
        if onebox user list 2>/dev/null | grep -qw demo; then
                say "  Sign in to the pages as demo (a new password: sudo onebox passwd demo)"
                return
        fi
        password=$(head -c 12 /dev/urandom | base64 | tr '+/' 'xy')
        onebox user add demo --role=op <<<"$password" >/dev/null || die "the user demo cannot be made: onebox user add demo"
        say "  Sign in to the pages as demo, password $password"
}

serve_ready() {
        local i
        for ((i = 0; i < 1200; i++)); do
                curl -sS -f -m 20 -o /dev/null "localhost:$1/healthcheck" 2>/dev/null && return
                sleep 0.1
        done
        echo "error: the service $EXAMPLE does not answer on port $1"
        return 1
}

demo_report() {
        local port=$1 request='{"petal_width": "2.1"}' answer
        say
        python3 "$TOP/build-aux/demo_report.py" "$RUNTIME/tracking.sock" "$EXAMPLE"
        answer=$(curl -sS -f -m 60 -X POST -H 'Content-Type: application/json' -d "$request" "localhost:$port/predict") ||
                die "the service gives no prediction: journalctl -u onebox-serving@$EXAMPLE, or $STATE/up.log"
        say
        say "A prediction of the version in production:"
        say "  \$ curl -X POST -d '$request' localhost:$port/predict"
        say "  $answer"
        say
        onebox urls
        make_user
        say
        say "  onebox status · onebox runs $EXAMPLE · onebox trigger $EXAMPLE · sudo ./setup demo --again"
        say "  It stays up; its data is in $STATE. To stop it: sudo ./setup stop"
}

demo() {
        local again=false port=8090
        while [ $# -gt 0 ]; do
                case $1 in
                --again) again=true ;;
                *) usage >&2; exit 2 ;;
                esac
                shift
        done
        need_root demo
        need_debian
        need_disk "$STATE" 2500
        need_disk "$BUILD" 300
        only_one
        log_file demo
        STEPS=7
        mkdir -p "$STATE"

        step "Debian packages" packages "${BUILD_PACKAGES[@]}"
        step "Python side: mlflow, scikit-learn, pandas" venv "$STATE/venv" python/requirements.txt
        step "build" build "$BUILD/demo" all "${INSTALL_CONFIGURE[@]}"
        step "install into $PREFIX" install_build
        step "start" start
        step "pipeline $EXAMPLE" deploy
        if $again || ! is_trained; then train; fi
        step "service $EXAMPLE" serve_ready $port
        demo_report $port
}
