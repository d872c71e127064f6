#!/usr/bin/env bash
# The house check must be able to fail: each rule is given a small tree that breaks it and must name
# the place, and a clean tree about which it must be silent.
set -u
house=$(realpath "${top_srcdir:-$(dirname "$0")/../..}")
check=$house/build-aux/check-house.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# tree: a fresh clean tree to spoil.
tree() {
        rm -rf "$tmp/tree"
        mkdir -p "$tmp"/tree/{lib/base,lib/net,lib/db,daemons/web,daemons/tracking,daemons/scheduler/core,build-aux}
        cd "$tmp/tree" || exit 99
        printf '#pragma once\nint str_twice(int n);\n' >lib/base/str.h
        printf '#include "lib/base/str.h"\n\nint str_twice(int n) {\n        return 2 * n;\n}\n' >lib/base/str.c
        printf '#include <string.h>\n\n#include "lib/base/str.h"\n\nint plan_next(const char *a) {\n        return str_twice((int) strlen(a));\n}\n' \
                >daemons/scheduler/core/plan.c
        printf 'WARN_CFLAGS="-Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wsign-compare -Werror"\n' >configure.ac
        cp "$house/.clang-format" .
}

# expect RULE PATTERN WHAT: the check of that rule ends with 1 and prints a line of that pattern.
expect() {
        local out rc
        n=$((n + 1))
        out=$(bash "$check" --rule "$1" . 2>&1)
        rc=$?
        if [ $rc -eq 1 ] && grep -qE -- "$2" <<<"$out"; then
                echo "ok $n - $3"
        else
                echo "not ok $n - $3"
                sed 's/^/# /' <<<"rc=$rc, wanted: $2
$out"
        fi
}

silent() {
        local out rc
        n=$((n + 1))
        out=$(bash "$check" . 2>&1)
        rc=$?
        if [ $rc -eq 0 ]; then
                echo "ok $n - $1"
        else
                echo "not ok $n - $1"
                sed 's/^/# /' <<<"rc=$rc
$out"
        fi
}

repeat() { # COUNT TEXT
        local i
        for ((i = 0; i < $1; i++)); do printf '%s\n' "${2//%/$i}"; done
}

echo "1..26"

tree
silent "a clean tree passes"

tree; repeat 601 '/* % */' >>lib/base/str.c
expect file_length '^lib/base/str\.c:601: file-length: 606 lines, at most 600$' "a long file is named"

tree; { echo 'int str_long(int n) {'; repeat 100 '        n += %;'; printf '        return n;\n}\n'; } >>lib/base/str.c
expect function '^lib/base/str\.c:6: function-length: str_long has 103 lines, at most 100$' "a long function is named"

tree; { echo 'int str_maze(int n) {'; repeat 15 '        if (n == %) n++;'; printf '        return n;\n}\n'; } >>lib/base/str.c
expect function '^lib/base/str\.c:6: complexity: str_maze has 16, at most 15$' "a tangled function is named"

tree; printf 'int helper(void) {\n        return 0;\n}\n' >>lib/base/str.c
expect name_is_address '^lib/base/str\.c:6: name-is-address: helper does not begin with str_$' "a name that is no address"

tree; printf 'int stranger;\n' >>lib/base/str.c
expect name_is_address '^lib/base/str\.c:6: name-is-address: stranger ' "a variable that is no address, prefix or not"

tree; printf 'static int helper;\n' >>lib/base/str.c
printf 'static const struct {\n        int a;\n        int b;\n} helpers[] = {{1, 2}};\n' >>lib/base/str.c
silent "a static name may be anything"

tree; printf 'const struct {\n        int a;\n        int b;\n} helpers[] = {{1, 2}};\n' >>lib/base/str.c
expect name_is_address '^lib/base/str\.c:9: name-is-address: helpers ' "a table that is no address"

tree; cp lib/base/str.c lib/net/str.c
expect basename_once '^lib/net/str\.c:1: basename-once: str\.c stands in lib/base too$' "a basename twice"

tree; printf 'typedef struct str str_t;\n' >>lib/base/str.h
expect typedef '^lib/base/str\.h:3: typedef: ' "a typedef of a struct"

tree; printf '#include "daemons/tracking/runs.h"\n' >daemons/web/pages.c
expect include_arrows '^daemons/web/pages\.c:1: include: daemons/web may not look into daemons/tracking$' "a daemon in another daemon"

tree; printf '#include "lib/net/loop.h"\n' >>lib/base/str.h
expect include_arrows '^lib/base/str\.h:3: include: lib/base may not look into lib/net$' "an arrow that points up"

tree; printf '#include "lib/net/loop.h"\n' >daemons/scheduler/core/night.c
expect include_arrows 'core may not look into lib/net$' "core/ looks into lib/base only"

tree; printf '#include "str.h"\n' >lib/base/strs.c
expect include_arrows '^lib/base/strs\.c:1: include: "str\.h" is not rooted' "an include without its room"

tree; printf '#include <sqlite3.h>\n' >daemons/web/pages.c
expect library_owner '^daemons/web/pages\.c:1: library-owner: <sqlite3\.h> belongs to lib/db/$' "SQLite outside of lib/db"

tree; printf '#include <openssl/ssl.h>\n' >lib/db/db.c
expect library_owner 'belongs to lib/net/$' "TLS outside of lib/net"

tree; printf '#include <time.h>\n\nlong plan_now(void) {\n        return (long) time(NULL);\n}\n' >>daemons/scheduler/core/plan.c
expect purity '^daemons/scheduler/core/plan\.c:11: purity: core/ may not call time\(\)$' "core/ reads the clock"

tree; printf 'int fileio_size(const char *p);\nint plan_size(void);\nint plan_size(void) {\n        return fileio_size("x");\n}\n' >>daemons/scheduler/core/plan.c
printf 'int fileio_size(const char *p) {\n        return p[0];\n}\n' >lib/base/fileio.c
expect purity 'core/ may not call fileio_size\(\)$' "core/ reads a file through lib/base"

tree; printf 'int plan_broken(void) {\n' >>daemons/scheduler/core/plan.c
expect purity '^daemons/scheduler/core/plan\.c:1: purity: does not compile: ' "core/ that cannot be judged is no pass"

tree; repeat 250 '/* % */' >lib/db/db.c
expect assert_density '^lib/db:1: assert-density: 0 asserts in 250 lines, at least 20 per 1000$' "a room without asserts"

tree; sed -i 's/-Wshadow //' configure.ac
expect warnings 'WARN_CFLAGS has lost -Wshadow' "a lost warning"

tree; printf '/* TODO: later */\n' >>lib/base/str.c
expect clean_text '^lib/base/str\.c:6: unfinished: ' "a note instead of the work"

tree; printf 'path = /root/here\n' >notes.txt
expect clean_text '^notes\.txt:1: machine-path: ' "a path of one machine"

tree; printf 'index-url = https://packages.example.org/simple\n' >notes.txt
expect clean_text '^notes\.txt:1: registry-host: ' "a registry's host"

n=$((n + 1))
if command -v clang-format-14 >/dev/null; then
        n=$((n - 1)); tree; printf 'int   str_badly( void );\n' >>lib/base/str.h
        expect format '^lib/base/str\.h:3: format: ' "a file out of format"
else
        echo "ok $n - a file out of format # SKIP clang-format-14 is missing"
fi

n=$((n + 1))
if command -v shellcheck >/dev/null; then
        n=$((n - 1)); tree; printf '#!/bin/bash\ncd /tmp\nx=1\n' >build-aux/x.sh
        expect shell '^build-aux/x\.sh:[23]: shell: ' "a careless script"
else
        echo "ok $n - a careless script # SKIP shellcheck is missing"
fi
