# shellcheck shell=bash disable=SC2034 # LIMIT and STEPS are read by ../setup
# setup check: a sanitizer build and every test, ending with "N passed, N failed".
# Read by ../setup; uses its steps.

PASSED=0 FAILED=0 SKIPPED=0

# counts LOG: "PASSED FAILED SKIPPED" of a suite's words, whichever of our test runners spoke them.
counts() {
        awk '
        /^# TOTAL:/ { ap = af = as = 0 }                      # automake; it may say it twice
        /^# PASS:/ { ap = $3 }
        /^# (FAIL|ERROR|XPASS):/ { af += $3 }
        /^# SKIP:/ { as = $3 }
        /(passed|failed|errors?|skipped|warnings?) in [0-9.]+s/ || /^[0-9]+ passed, [0-9]+ failed/ {
                gsub(/[=,]/, " ")                             # pytest, and our own programs
                for (i = 2; i <= NF; i++) {
                        if ($i == "passed") p += $(i - 1)
                        else if ($i ~ /^(failed|errors?)$/) f += $(i - 1)
                        else if ($i == "skipped") s += $(i - 1)
                }
        }
        END { printf "%d %d %d\n", p + ap, f + af, s + as }' "$1"
}

# named_failures LOG: a line for each failed test, the first of them, and how the suite ended.
named_failures() {
        awk '/^(FAILED|ERROR|FAIL:|not ok) / && ++n <= 30 { print substr($0, 1, 400) }
             END { if (n > 30) print "... and", n - 30, "more" }' "$1"
        echo '...'
        awk '/^(_____+ .* _____+|(FAIL|ERROR): )/ { on = 1 } on && ++n <= 25 { print substr($0, 1, 400) }' "$1"
        echo '...'
        tail -n 12 "$1" | cut -c1-400
}

# suite TITLE SECONDS COMMAND…: a step that is counted instead of believed. One that fails without
# naming a failed test, or that ran no test at all, is a failure itself.
suite() {
        local title=$1 rc=0 p f s
        LIMIT=$2
        shift 2
        run_step "$title" "$@" || rc=$?
        LIMIT=0
        read -r p f s < <(counts "$LOG.step")
        if { [ $rc -ne 0 ] && [ "$f" -eq 0 ]; } || [ $((p + f + s)) -eq 0 ]; then
                f=$((f + 1))
        fi
        printf '      %d passed, %d failed, %d skipped\n' "$p" "$f" "$s"
        if [ "$f" -gt 0 ]; then
                named_failures "$LOG.step" | sed 's/^/    | /'
                say "      all of it is in $LOG"
        fi
        PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
}

# skip TITLE REASON
skip() {
        STEP=$((STEP + 1))
        printf '[%d/%d] %-44s skipped: %s\n' "$STEP" "$STEPS" "$1" "$2"
        SKIPPED=$((SKIPPED + 1))
}

# Can this machine boot a container of its own?
can_nspawn() {
        [ "$(id -u)" -eq 0 ] && [ ! -e /run/systemd/container ] &&
                unshare -m -p -u -i -n -f true 2>/dev/null
}

test_env() {
        export ONEBOX_BUILD_DIR=$BUILD/check ONEBOX_INSTALL_DIR=$BUILD/demo ONEBOX_CACHE=$CACHE
        export top_srcdir=$TOP top_builddir=$BUILD/check
        export PATH=$CACHE/tests/bin:$PATH PYTHONDONTWRITEBYTECODE=1
        export ASAN_OPTIONS=abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
}

run_unit() {
        test_env
        as_owner env VERBOSE=1 make -C "$BUILD/check" -j"$JOBS" --no-print-directory check
}

# A test that stands still says in the log where, long before its step is ended.
run_pytest() {
        test_env
        cd "$TOP" || return
        "$CACHE/tests/bin/python" -m pytest -q -p no:cacheprovider -o faulthandler_timeout=300 -rfE --tb=short --durations=5 "$@"
}

# Two processes share the modules out (tests/api/conftest.py says in which order): most tests wait more than they work.
run_api() {
        run_pytest -n 2 --dist loadfile --no-loadscope-reorder tests/api
}

# kill -9 of every daemon at random moments while runs go through; then the same with the tasks'
# supervisors. The history is checked whole at the end of each.
run_kill_rounds() {
        local rounds=${1:-12} passed=0 failed=0 more
        test_env
        for more in '' --shims; do
                echo "== $rounds rounds $more"
                # shellcheck disable=SC2086 # empty or one word
                if python3 "$TOP/tests/system/kill_rounds.py" --rounds "$rounds" --build "$BUILD/check" $more; then
                        passed=$((passed + 1))
                else
                        failed=$((failed + 1))
                fi
        done
        echo "$passed passed, $failed failed"
        [ $failed -eq 0 ]
}

check_system() {
        if can_nspawn; then
                suite "a booted system" 900 run_system
        else
                skip "a booted system" "this machine lets nobody boot a container"
        fi
}

run_system() {
        packages "${SYSTEM_PACKAGES[@]}"
        run_pytest tests/system --ignore=tests/system/test_fresh_debian.py --ignore=tests/system/test_vm.py
}

# A kernel of its own with cgroup v2, emulated: slow, and true about limits and power cuts.
run_vm() {
        packages "${SYSTEM_PACKAGES[@]}" "${VM_PACKAGES[@]}"
        run_pytest tests/system/test_vm.py
}

check() {
        local all=false unit=false
        while [ $# -gt 0 ]; do
                case $1 in
                --all) all=true ;;
                --unit) unit=true ;;
                *) usage >&2; exit 2 ;;
                esac
                shift
        done
        need_debian
        need_disk "$BUILD" 1500
        need_disk "$CACHE" 2500
        only_one
        log_file check
        STEPS=10
        if $all; then STEPS=28; fi
        if $unit; then STEPS=4; fi

        step "Debian packages" packages "${BUILD_PACKAGES[@]}" "${CHECK_PACKAGES[@]}"
        step "Python side of the tests" venv "$CACHE/tests" python/requirements.txt tests/requirements.txt
        step "build with sanitizers" build "$BUILD/check" 'all check-programs' --enable-sanitizers \
                --enable-faults CFLAGS='-O1 -g'
        suite "unit tests, corpora, house rules" 900 run_unit
        if ! $unit; then
                step "build as installed" build "$BUILD/demo" all "${INSTALL_CONFIGURE[@]}"
                suite "API tests" 1500 run_api
                # Where Chromium and node are missing this says so and passes.
                suite "pages in a browser" 240 run_pytest tests/browser
                suite "kill rounds" 300 run_kill_rounds
                check_system
                suite "a virtual machine" 1500 run_vm
        fi
        if $all; then check_long; fi

        say
        [ $SKIPPED -eq 0 ] || say "$SKIPPED skipped"
        say "$PASSED passed, $FAILED failed"
        [ $FAILED -eq 0 ]
}
