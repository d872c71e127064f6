# shellcheck shell=bash disable=SC2034
# setup check --all: what takes longer than a commit can wait for. Read by ../setup; uses its suites.

FUZZ_SECONDS=${ONEBOX_FUZZ_SECONDS:-60}

# Each fuzz target under libFuzzer for a while, from its corpus; a finding is kept in the logs.
run_fuzz() {
        local target name passed=0 failed=0 found=$BUILD/logs/fuzz
        packages clang
        CC=clang build "$BUILD/fuzz" all --enable-fuzzers --enable-sanitizers --disable-werror CC=clang 'CFLAGS=-O1 -g'
        as_owner mkdir -p "$found"
        for target in "$TOP"/tests/fuzz/fuzz_*.c; do
                name=$(basename "$target" .c)
                as_owner make -C "$BUILD/fuzz" --no-print-directory "tests/fuzz/$name"
                as_owner mkdir -p "$found/${name#fuzz_}"
                echo "== $name"
                if as_owner "$BUILD/fuzz/tests/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=2048 \
                        -artifact_prefix="$found/$name-" -print_final_stats=1 \
                        "$found/${name#fuzz_}" "$TOP/tests/fuzz/corpus/${name#fuzz_}"; then
                        passed=$((passed + 1))
                else
                        echo "FAIL: $name"
                        failed=$((failed + 1))
                fi
        done
        echo "$passed passed, $failed failed"
        [ $failed -eq 0 ]
}

# Two tarballs of one tree are the same, and what is in them builds and passes by itself.
run_dist() {
        local dir=$BUILD/demo first name
        as_owner make -C "$dir" --no-print-directory -s dist
        first=$(sha256sum <"$(ls "$dir"/onebox-*.tar.xz)")
        as_owner rm "$dir"/onebox-*.tar.xz
        as_owner make -C "$dir" --no-print-directory -s dist
        if [ "$first" != "$(sha256sum <"$(ls "$dir"/onebox-*.tar.xz)")" ]; then
                echo "FAIL: make dist is not reproducible"
                echo "0 passed, 1 failed"
                return 1
        fi
        name=$(basename "$dir"/onebox-*.tar.xz .tar.xz)
        as_owner rm -rf "$BUILD/dist"
        as_owner mkdir -p "$BUILD/dist"
        as_owner tar -C "$BUILD/dist" -xJf "$dir/$name.tar.xz"
        as_owner mkdir "$BUILD/dist/build"
        (cd "$BUILD/dist/build" && as_owner "../$name/configure" -q)
        as_owner make -C "$BUILD/dist/build" --no-print-directory -j"$JOBS"
        as_owner env VERBOSE=1 make -C "$BUILD/dist/build" --no-print-directory -j"$JOBS" check
        as_owner make -C "$BUILD/dist/build" --no-print-directory -s install "DESTDIR=$BUILD/dist/root"
        as_owner rm -rf "$BUILD/dist"
}

# The same calls to the real server and to ours. 3.18.0 has no index of its own for all its parts:
# it goes over the packages of the release before.
run_differential() {
        local peer=$CACHE/peer-3.18.0
        packages chromium
        if [ ! -e "$peer/complete" ]; then
                rm -rf "$peer"
                python3 -m venv "$peer"
                "$peer/bin/pip" install -q --disable-pip-version-check mlflow==3.17.2
                "$peer/bin/pip" uninstall -q -y mlflow mlflow-skinny mlflow-tracing
                "$peer/bin/pip" install -q --disable-pip-version-check --no-deps mlflow==3.18.0
                "$peer/bin/pip" install -q --disable-pip-version-check psycopg2-binary pymysql
                touch "$peer/complete"
        fi
        "$peer/bin/python" -c 'import flask_wtf' 2>/dev/null ||
                "$peer/bin/pip" install -q --disable-pip-version-check Flask-WTF
        ONEBOX_PEER_MLFLOW=$peer/bin run_pytest tests/api/test_differential.py tests/api/test_differential_access.py \
                tests/api/test_tracking_interop.py \
                tests/api/test_official_pages.py
        ONEBOX_GENERATED=all run_pytest tests/api/test_generated.py
}

# Half an hour of databases in use while certificates change every few seconds and things break.
run_sqlproxy_soak() {
        ONEBOX_SOAK_SECONDS=1800 ONEBOX_SEED=$RANDOM run_pytest tests/api/test_sqlproxy_databases.py -k soak
}

# Every check of the proxy, and no thread sees what another is writing.
run_sqlproxy_tsan() {
        packages libtsan2
        build "$BUILD/tsan" daemons/sqlproxy/onebox-sqlproxy --disable-werror 'CFLAGS=-O1 -g -fsanitize=thread' LDFLAGS=-fsanitize=thread
        test_env
        cd "$TOP" || return
        "$CACHE/tests/bin/python" tests/api/sqlproxy_conformance.py -j 8 --proxy "$BUILD/tsan/daemons/sqlproxy/onebox-sqlproxy"
}

run_sqlproxy_peer() {
        run_pytest tests/api/test_sqlproxy.py -k googles
}

# Every sequence of three operations killed at each step; an hour of seeds; the bucket away for ten minutes.
run_mount_crashes() {
        ONEBOX_TEST_SEQUENCES=all run_pytest tests/api/test_mount_crash.py
}

run_mount_model() {
        ONEBOX_TEST_SECONDS=3600 ONEBOX_TEST_SEED=$RANDOM ONEBOX_TEST_FOLDER_SEEDS=50 ONEBOX_TEST_PARTS_SEEDS=30 \
                run_pytest tests/api/test_mount_model.py -k "without or folders or parts"
}

# The mount's tests and the model, and no thread sees what another is writing.
run_mount_tsan() {
        packages libtsan2
        build "$BUILD/tsan" "fuse-gcs/fuse-gcs daemons/bucketd/onebox-bucketd cli/onebox" --disable-werror 'CFLAGS=-O1 -g -fsanitize=thread' LDFLAGS=-fsanitize=thread
        test_env
        cd "$TOP" || return
        ONEBOX_BUILD_DIR=$BUILD/tsan ONEBOX_TEST_SECONDS=300 ONEBOX_TEST_SEED=$RANDOM ONEBOX_TEST_DISK_SEEDS=5 \
                "$CACHE/tests/bin/python" -m pytest -q -p no:cacheprovider -o faulthandler_timeout=300 -rfE --tb=short \
                tests/api/test_mount{,_away,_buckets,_data,_flags,_folders,_model,_open,_sleep}.py
}

run_mount_away() {
        ONEBOX_TEST_AWAY=600 run_pytest tests/api/test_mount_away.py
}

# fsx and pjdfstest on the mount. They come from crates.io: Debian 12's cargo is too old for them.
run_mount_posix() {
        local suites=$CACHE/suites
        if [ ! -e "$suites/bin/pjdfstest" ]; then
                cargo install --quiet --root "$suites" fsx@0.3.2 pjdfstest@0.2.2 || return
        fi
        ONEBOX_SUITES=$suites ONEBOX_FSX_STEPS=10000 run_pytest tests/api/test_mount_posix.py
}

# Tracking's every mutation with a full disk and a kill at every page it writes; kills by chance, many, on SQLite and
# PostgreSQL. Without sanitizers: thousands of starts.
run_tracking_crashes() {
        build "$BUILD/faults" daemons/tracking/onebox-tracking --enable-faults --disable-werror CFLAGS=-O2
        test_env
        cd "$TOP" || return
        ONEBOX_BUILD_DIR=$BUILD/faults ONEBOX_LONG=1 ONEBOX_TEST_ROUNDS=100 "$CACHE/tests/bin/python" -m pytest -q \
                -p no:cacheprovider -rfE --tb=short --durations=5 tests/api/test_tracking_crashes.py tests/api/test_tracking_kills.py
}

run_mount_huge() {
        ONEBOX_TEST_OBJECTS=1000000 run_pytest tests/api/test_mount_huge.py
}

run_fresh() {
        packages "${SYSTEM_PACKAGES[@]}"
        ONEBOX_LONG=1 run_pytest tests/system/test_fresh_debian.py
}

run_package() {
        packages "${SYSTEM_PACKAGES[@]}"
        ONEBOX_LONG=1 run_pytest tests/system/test_system_package.py
}

# Two schedulers on one PostgreSQL, killed in turns.
run_shared_kill_rounds() {
        local passed=0 failed=0 more
        test_env
        for more in '' --shims; do
                # shellcheck disable=SC2086 # empty or one word
                if python3 "$TOP/tests/system/kill_rounds.py" --rounds 100 --postgres --build "$BUILD/check" $more; then
                        passed=$((passed + 1))
                else
                        failed=$((failed + 1))
                fi
        done
        echo "$passed passed, $failed failed"
        [ $failed -eq 0 ]
}

run_month() {
        ONEBOX_MONTH=30x1000 run_pytest tests/api/test_month.py
}

# Stops and a power cut with a task of a minute.
run_stops() {
        packages "${SYSTEM_PACKAGES[@]}"
        ONEBOX_STOP_SECONDS="3 60" run_pytest -s tests/system/test_system_stop.py
}

check_long() {
        suite "the real mlflow server answers the same" 1200 run_differential
        suite "fuzzing, $FUZZ_SECONDS s a target" 3600 run_fuzz
        suite "the tarball builds and passes by itself" 1800 run_dist
        suite "kill rounds, all of them" 3600 run_kill_rounds 200
        suite "kill rounds of two schedulers on PostgreSQL" 1800 run_shared_kill_rounds
        suite "a month of 1,000 trainings a day" 1800 run_month
        suite "the SQL proxy for half an hour" 2700 run_sqlproxy_soak
        suite "the SQL proxy's threads under TSan" 1800 run_sqlproxy_tsan
        suite "tracking cut off at every page of every mutation" 3600 run_tracking_crashes
        suite "the mount killed at every step of every sequence" 7200 run_mount_crashes
        suite "the mount against the model for an hour" 7200 run_mount_model
        suite "the mount's threads under TSan" 1800 run_mount_tsan
        suite "the bucket away for ten minutes" 1800 run_mount_away
        suite "a directory of a million objects" 1800 run_mount_huge
        if command -v cargo >/dev/null; then
                suite "fsx and pjdfstest on the mount" 3600 run_mount_posix
        else
                skip "fsx and pjdfstest on the mount" "there is no cargo (1.85 or newer)"
        fi
        if [ -n "${ONEBOX_PEER_SQLPROXY-}" ]; then
                suite "cloud-sql-proxy over the same checks" 900 run_sqlproxy_peer
        else
                skip "cloud-sql-proxy over the same checks" "ONEBOX_PEER_SQLPROXY names no such program"
        fi
        if can_nspawn; then
                suite "both commands on a fresh Debian" 3600 run_fresh
                suite "the package installed, upgraded, removed" 3600 run_package
                suite "stops with a task of a minute" 1800 run_stops
        else
                skip "both commands on a fresh Debian" "this machine lets nobody boot a container"
                skip "the package installed, upgraded, removed" "this machine lets nobody boot a container"
                skip "stops with a task of a minute" "this machine lets nobody boot a container"
        fi
}
