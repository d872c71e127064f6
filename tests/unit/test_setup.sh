#!/usr/bin/env bash
# The setup script's own promises: it says in one line what is missing, its steps fail loudly, can be
# cut off, and its counting of other programs' tests is right.
set -u
top=$(realpath "${top_srcdir:-$(dirname "$0")/../..}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export ONEBOX_BUILD_DIR=$tmp/build ONEBOX_CACHE=$tmp/cache ONEBOX_STATE_DIR=$tmp/state
n=0

# Runs a script that has setup's functions; its words in $out, its status in $rc.
with_setup() {
        out=$(bash -c ". '$top/setup'; $1" setup 2>&1 </dev/null)
        rc=$?
}

# is STATUS PATTERN WHAT
is() {
        n=$((n + 1))
        if [ "$rc" -eq "$1" ] && grep -qE -- "$2" <<<"$out"; then
                echo "ok $n - $3"
        else
                echo "not ok $n - $3"
                sed 's/^/# /' <<<"rc=$rc, wanted $1 and: $2
$out"
        fi
}

# counted EXPECTED WHAT <LOG
counted() {
        cat >"$tmp/log"
        with_setup "counts '$tmp/log'"
        is 0 "^$1\$" "$2"
}

echo "1..18"

out=$("$top/setup" help 2>&1); rc=$?
is 0 '^usage: sudo ./setup demo' "help is help"
out=$("$top/setup" dance 2>&1); rc=$?
is 2 '^usage: ' "an unknown verb is refused"
out=$("$top/setup" check --dance 2>&1); rc=$?
is 2 '^usage: ' "an unknown option is refused"

if [ "$(id -u)" -eq 0 ]; then
        out=$(setpriv --reuid=65534 --regid=65534 --clear-groups bash "$top/setup" demo 2>&1); rc=$?
else
        out=$("$top/setup" demo 2>&1); rc=$?
fi
is 1 '^setup: needs root: sudo ./setup demo$' "demo without root says so"

with_setup "need_disk '$tmp' 999999999"
is 1 '^setup: .* MB free, 999999999 are needed$' "a small disk is named"

with_setup 'log_file t; STEPS=1; step "good" echo hello; grep -c hello "$LOG"'
is 0 '^\[1/1\] good +[0-9]+ s$' "a good step shows its number and its time"
with_setup 'log_file t; STEPS=1; f() { echo "E: Temporary failure resolving somewhere"; return 3; }; step "fetch" f'
is 1 '^setup: fetch: no network: ' "a step without network says so"
is 1 '^    E: Temporary failure' "a failed step shows the end of its log"
with_setup 'log_file t; STEPS=1; LIMIT=1; run_step slow sleep 30; exit $?'
is 124 'slow' "a step that takes too long is stopped"

# The step's child writes its pid, is cut off with the script, and must be gone.
# shellcheck disable=SC2016 # the inner shell expands them
bash -c ". '$top/setup'; trap interrupted INT TERM HUP; log_file t; STEPS=1
        f() { echo \$BASHPID >'$tmp/pid'; sleep 300; }; step long f" setup >"$tmp/out" 2>&1 </dev/null &
script=$!
for _ in $(seq 100); do [ -s "$tmp/pid" ] && break; sleep 0.05; done
kill -TERM $script
wait $script; rc=$?
out=$(cat "$tmp/out"; if kill -0 "$(cat "$tmp/pid")" 2>&1; then echo "still there"; else echo "child is gone"; fi)
is 130 '^setup: interrupted; the same command goes on from here$' "an interrupted script says how to go on"
is 130 '^child is gone$' "and leaves nothing running"

# The lock: a second setup in the same directory is refused while the first one lives.
mkdir -p "$tmp/build"
with_setup 'only_one; bash -c ". \"'"$top"'/setup\"; only_one" setup; exit $?'
is 1 '^setup: another setup works in ' "one setup at a time"

counted '5 3 2' "automake's totals" <<'END'
# TOTAL: 10
# PASS:  5
# SKIP:  2
# XFAIL: 0
# FAIL:  2
# XPASS: 0
# ERROR: 1
END
counted '123 1 43' "pytest's totals with warnings" <<'END'
========= 1 failed, 123 passed, 43 skipped, 6 warnings in 131.41s (0:02:11) =========
END
counted '12 2 1' "pytest's totals" <<'END'
=========== 1 failed, 12 passed, 1 skipped, 1 error in 3.20s ============
END
counted '7 0 0' "pytest's quiet totals" <<'END'
.......                                                                  [100%]
7 passed in 0.05s
END
counted '200 1 0' "our own programs' totals" <<'END'
200 passed, 1 failed
END

with_setup 'log_file t; STEPS=1; suite "nothing" 5 true; echo "sum $PASSED $FAILED"'
is 0 '^sum 0 1$' "a suite without a test is a failure"
