#!/usr/bin/env bash
# The house rules, held by machine (HACKING.md says why each of them is there).
#
#   build-aux/check-house.sh [--rule NAME]... [--list] [DIR]
#
# Prints one line for each breach, "file:line: rule: what, limit", and ends with 1 when there is
# one, with 2 when it cannot judge (a tool is missing). DIR is a source tree; this one by default.
set -euo pipefail
export LC_ALL=C

readonly MAX_FILE=600 MAX_FUNCTION=100 MAX_COMPLEXITY=15 MIN_ASSERTS=20

# --- what is looked at -----------------------------------------------------------------------

# Every file of ours, with DIR's paths: what git knows and what it would add, or all of a tarball
# but what autotools put there.
files_list() {
        local git=(git -c "safe.directory=*")
        if [ "$("${git[@]}" rev-parse --show-toplevel 2>/dev/null || true)" = "$PWD" ]; then
                "${git[@]}" ls-files --cached --others --exclude-standard
        else
                find . -name .git -prune -o -type f -printf '%P\n' |
                        grep -vE '^(configure|aclocal\.m4|config\.h\.in|Makefile\.in|autom4te\.cache/.*|build-aux/(ar-lib|compile|depcomp|install-sh|missing|test-driver|tap-driver\.sh))$'
        fi | sort -u | while IFS= read -r f; do if [ -f "$f" ]; then printf '%s\n' "$f"; fi; done
}

# files GLOB...: those of the list that match one of the extended regular expressions.
files() {
        local re
        re=$(IFS='|'; printf '%s' "$*")
        grep -E "^($re)$" "$LIST" || true
}

SOURCES='(lib|daemons|cli|fuse-gcs)/.*\.c'
HEADERS='(lib|daemons|cli|fuse-gcs)/.*\.h'
TEST_SOURCES='tests/.*\.[ch]'

# breach FILE:LINE RULE WHAT…
breach() {
        printf '%s: %s: %s\n' "$1" "$2" "${*:3}"
}

need() {
        command -v "$1" >/dev/null && return
        echo "check-house: $1 is missing: apt-get install $2" >&2
        exit 2
}

# --- size ------------------------------------------------------------------------------------

rule_file_length() {
        files "$SOURCES" "$HEADERS" "$TEST_SOURCES" '.*\.(def|py|js|css|html|sh|awk)' setup |
                xargs -r -d '\n' awk -v max=$MAX_FILE '
                FNR == 1 && NR > 1 { report() }
                { n = FNR; name = FILENAME }
                function report() {
                        if (n > max)
                                printf "%s:%d: file-length: %d lines, at most %d\n", name, max + 1, n, max
                }
                END { if (NR) report() }'
}

# pmccabe: modified complexity, complexity, statements, first line, lines, FILE(LINE): NAME
rule_function() {
        need pmccabe pmccabe
        files "$SOURCES" "$HEADERS" "$TEST_SOURCES" | xargs -r -d '\n' pmccabe 2>/dev/null |
                awk -F '\t' -v lines=$MAX_FUNCTION -v complexity=$MAX_COMPLEXITY '
                {
                        place = $6; sub(/\).*/, "", place); sub(/\(/, ":", place)
                        name = $6; sub(/.*: /, "", name)
                }
                $5 > lines {
                        printf "%s: function-length: %s has %d lines, at most %d\n", place, name, $5, lines
                }
                $1 > complexity {
                        printf "%s: complexity: %s has %d, at most %d\n", place, name, $1, complexity
                }'
}

# --- names -----------------------------------------------------------------------------------

# An exported symbol begins with its file's basename. A variable of a nameless type is tagged at its
# closing brace: whether it is static stands where the definition opens.
rule_name_is_address() {
        need ctags universal-ctags
        files "$SOURCES" | ctags -L - -f - --languages=C --kinds-C=fv --fields=nf --sort=no |
                awk -F '\t' '
                function is_static(file, upto,    n, text, opening) {
                        while ((getline text < file) > 0 && ++n < upto)
                                if (text ~ /^[a-zA-Z_]/) opening = text
                        close(file)
                        return text ~ /^}/ && opening ~ /^static /
                }
                /\tfile:/ || $1 == "main" { next }
                {
                        base = $2; sub(/.*\//, "", base); sub(/\.c$/, "", base); gsub(/-/, "_", base)
                        line = $4; sub(/^line:/, "", line)
                        if ($1 != base && index($1, base "_") != 1 && !is_static($2, line + 0))
                                printf "%s:%s: name-is-address: %s does not begin with %s_\n", \
                                        $2, line, $1, base
                }'
}

# Each basename stands once among the C files, and once among those of pages and Python; X.c, X.h
# and X.def side by side are one name.
rule_basename_once() {
        files '(lib|daemons|cli|fuse-gcs|tests)/.*\.(c|h|def)' '(ui|python)/.*\.(js|py|css)' |
                grep -vE '/(__init__|__main__|conftest|setup)\.py$' |
                awk -F / '
                {
                        base = $NF; sub(/\.[a-z]+$/, "", base)
                        dir = $0; sub(/\/[^\/]*$/, "", dir)
                        base = ($0 ~ /\.(c|h|def)$/ ? "" : "page ") base
                        if (base in seen && seen[base] != dir)
                                printf "%s:1: basename-once: %s stands in %s too\n", $0, $NF, seen[base]
                        else
                                seen[base] = dir
                }'
}

rule_typedef() {
        files "$SOURCES" "$HEADERS" "$TEST_SOURCES" |
                xargs -r -d '\n' grep -nHE '^[[:space:]]*typedef[[:space:]]+(struct|union|enum)\b' |
                sed -E 's/^([^:]+:[0-9]+):.*/\1: typedef: structs, unions and enums keep their tag/' || true
}

# --- arrows ----------------------------------------------------------------------------------

# "FILE LINE INCLUDED" for each quoted include.
includes() {
        files "$SOURCES" "$HEADERS" "$TEST_SOURCES" |
                xargs -r -d '\n' grep -nHE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$1" |
                sed -E 's/^([^:]+):([0-9]+):[^"<]*["<]([^">]*)[">].*/\1 \2 \3/' || true
}

# Which rooms a room may look into, besides itself. Arrows point down.
rule_include_arrows() {
        includes '"' | awk '
        BEGIN {
                may["lib/base"] = ""
                may["lib/net"] = " lib/base "
                may["lib/db"] = " lib/base "
                may["lib/store"] = " lib/base lib/net "
                may["lib/auth"] = " lib/base lib/net lib/db "
                may["lib/gcp"] = " lib/base lib/net lib/store "
                may["daemons/scheduler/core"] = " lib/base "
                may["daemons/scheduler"] = " daemons/scheduler/core "
                may["cli"] = " daemons/scheduler/core " # onebox simulate
                libs = " lib/base lib/net lib/db lib/store lib/auth lib/gcp "
        }
        function room(path) {
                if (path ~ /^daemons\/scheduler\/core\//) return "daemons/scheduler/core"
                if (match(path, /^(lib|daemons)\/[^\/]+/)) return substr(path, 1, RLENGTH)
                if (match(path, /^(cli|fuse-gcs|tests)/)) return substr(path, 1, RLENGTH)
                return ""
        }
        $3 == "config.h" || $3 ~ /^config\/[^\/]*\.def$/ { next }
        {
                from = room($1); to = room($3)
                place = $1 ":" $2
                if ($3 !~ /\//) {
                        printf "%s: include: \"%s\" is not rooted at the top of the tree\n", place, $3
                        next
                }
                if (from == to || from == "tests")
                        next
                allowed = may[from]
                if (from ~ /^(daemons|cli|fuse-gcs)/ && from != "daemons/scheduler/core")
                        allowed = allowed libs
                if (index(allowed, " " to " ") == 0)
                        printf "%s: include: %s may not look into %s\n", place, from, (to == "" ? $3 : to)
        }'
}

# Each foreign library has one owner: pattern of the header, pattern of the files.
rule_library_owner() {
        includes '<' | awk '
        BEGIN {
                own("^(sqlite3|libpq-fe|mysql|mariadb)", "^lib/db/")
                own("^(curl/|microhttpd|systemd/sd-event|systemd/sd-daemon)", "^lib/net/")
                own("^openssl/(ssl|tls|bio|x509)", "^lib/net/")
                own("^openssl/", "^(lib/(net|auth|gcp)|daemons/bucketd)/")
                own("^zlib", "^lib/net/")
                own("^systemd/sd-journal", "^lib/base/log")
                own("^systemd/sd-bus", "^daemons/launcher/")
                own("^systemd/sd-login", "^daemons/scheduler/")
                own("^yaml", "^lib/base/")
                own("^crypt\\.h", "^lib/auth/")
                own("^fuse", "^(fuse-gcs/|daemons/sqlproxy/socket_dir)")
                own("^jansson", "^tests/")
                own("^cmocka", "^tests/")
        }
        function own(header, owner) { headers[++n] = header; owners[n] = owner }
        $1 ~ /^tests\// { next }
        {
                for (i = 1; i <= n; i++) {
                        if ($3 !~ headers[i]) continue
                        if ($1 !~ owners[i])
                                printf "%s:%s: library-owner: <%s> belongs to %s\n", $1, $2, $3, \
                                        substr(owners[i], 2)
                        break
                }
        }'
}

# core/ decides from its arguments alone: what its objects ask of the outside is on this list, or
# is a name of core/ itself or of a part of lib/base that reads no clock, file, environment, chance.
PURE_LIBC='^(mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|chrnul|str|spn|cspn|pbrk|cpy|ncpy|tol|toll|toul|toull|tod|tof|sep|tok_r)|stpcpy|stpncpy|rawmemchr|index|(v)?snprintf|(v)?sscanf|__isoc(99|23)_.*|malloc|calloc|realloc|reallocarray|free|qsort|qsort_r|bsearch|abort|abs|labs|llabs|f?(min|max|mod|abs)f?|floor|ceil|round|trunc|ldexp|frexp|pow|exp|log2?|sqrt|nextafter|l?lround|is(alpha|digit|alnum|space|upper|lower|print|punct|xdigit)|to(lower|upper)|timegm|gmtime_r|__ctype_.*_loc|__assert_fail|__stack_chk_fail|__errno_location|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|sanitizer|gcov|llvm)_.*|strerror_r|__xpg_strerror_r|strerrorname_np|strerrordesc_np|__.*_chk)$'
IMPURE_BASE='^(clock|entropy|fileio|log|conf|paths|process|fault|options)(_|$)'

rule_purity() {
        local core tmp f o
        core=$(files 'daemons/scheduler/core/.*\.c')
        [ -n "$core" ] || return 0
        tmp=$TMP/core && mkdir -p "$tmp"
        [ -f "$tmp/config.h" ] || printf '#define _GNU_SOURCE 1\n#define PACKAGE_VERSION "0"\n' >"$tmp/config.h"
        # shellcheck disable=SC2016 # the inner shell expands them
        printf '%s\n' "$core" | xargs -d '\n' -n 1 -P 2 sh -c 'o=$0/$(basename "$1" .c).o
                ${CC:-cc} -std=gnu17 -O1 -w -include "$0/config.h" -I. -c "$1" -o "$o" 2>"$o.err" ||
                        echo "$1:1: purity: does not compile: $(head -n 1 "$o.err")"' "$tmp"
        # What core/ and lib/base define themselves.
        { find "$tmp" -name '*.o' -print0 | xargs -0 -r nm -g --defined-only | awk 'NF == 3 { print $3 }'
          files 'lib/base/.*\.c' | ctags -L - -f - --languages=C --kinds-C=fv --fields=f --sort=no |
                awk -F '\t' '!/\tfile:/ { print $1 }' | grep -vE "$IMPURE_BASE" || true
        } | sort -u >"$tmp/known"
        while IFS= read -r f; do
                o=$tmp/$(basename "$f" .c).o
                [ -f "$o" ] || continue
                nm -u "$o" | awk '{ print $NF }' | { grep -vE "$PURE_LIBC" || true; } | sort -u |
                        comm -23 - "$tmp/known" | while IFS= read -r symbol; do
                        breach "$f:$(grep -nm1 -E "\\b$symbol *\\(" "$f" | cut -d: -f1 || true)" purity \
                                "core/ may not call $symbol()"
                done
        done <<<"$core"
}

# --- care ------------------------------------------------------------------------------------

rule_assert_density() {
        local room
        for room in 'daemons/scheduler/core' 'lib/db'; do
                files "$room/.*\.c" | xargs -r -d '\n' awk -v room="$room" -v min=$MIN_ASSERTS '
                { lines++ }
                /(^|[^A-Za-z0-9_])(assert|static_assert|_Static_assert|ASSERT[A-Z_]*)[[:space:]]*\(/ { asserts++ }
                END {
                        if (lines >= 200 && asserts * 1000 < lines * min)
                                printf "%s:1: assert-density: %d asserts in %d lines, at least %d per 1000\n", \
                                        room, asserts, lines, min
                }'
        done
}

rule_warnings() {
        local flag
        [ -f configure.ac ] || return 0
        for flag in -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wsign-compare -Werror; do
                grep -E '^[^#]*WARN_CFLAGS=' configure.ac | grep -qF -- "$flag" ||
                        breach configure.ac:1 warnings "WARN_CFLAGS has lost $flag"
        done
}

# Nothing of one machine, no registry's host, nothing promised instead of done.
rule_clean_text() {
        local here=build-aux/check-house.sh
        files '.*' | grep -vE '\.(png|ico|woff2?|gz|xz)$|^tests/fuzz/corpus/|^tests/unit/test_check_house\.sh$' |
                grep -vxF "$here" >"$TMP/text"
        xargs -r -d '\n' grep -nHIE '\b(TODO|FIXME|XXX|HACK)\b' <"$TMP/text" |
                sed -E 's/^([^:]+:[0-9]+):.*/\1: unfinished: a note instead of the work/' || true
        xargs -r -d '\n' grep -nHIE '(^|[^A-Za-z0-9_./-])(/root/|/home/[a-z]+/)' <"$TMP/text" |
                sed -E "s/^([^:]+:[0-9]+):.*/\1: machine-path: a path that is only on one machine/" || true
        xargs -r -d '\n' grep -nHIE '(^|[^A-Za-z-])((extra-)?index(-url)?|registry|GOPROXY|deb(-src)?)[ =:"]+https?://' <"$TMP/text" |
                sed -E 's/^([^:]+:[0-9]+):.*/\1: registry-host: the machine says where packages come from/' || true
}

rule_format() {
        command -v clang-format-14 >/dev/null || return 0
        [ -f .clang-format ] || return 0
        files "$SOURCES" "$HEADERS" "$TEST_SOURCES" |
                { xargs -r -d '\n' -n 16 -P 2 clang-format-14 --dry-run 2>&1 || true; } |
                sed -nE 's/^([^:]+):([0-9]+):[0-9]+: warning: code should be clang-formatted.*/\1 \2/p' |
                awk '!seen[$1]++ { printf "%s:%s: format: differs from .clang-format (clang-format-14 -i)\n", $1, $2 }'
}

rule_shell() {
        command -v shellcheck >/dev/null || return 0
        files '.*\.sh' setup '\.ci/run' | xargs -r -d '\n' shellcheck -f gcc -S warning -s bash 2>/dev/null |
                sed -E 's/^([^:]+:[0-9]+):[0-9]+: [a-z]+: (.*)/\1: shell: \2/' || true
}

# --- the run ---------------------------------------------------------------------------------

readonly RULES=(file_length function name_is_address basename_once typedef include_arrows
        library_owner purity assert_density warnings clean_text format shell)

main() {
        local dir='' rule chosen=()
        while [ $# -gt 0 ]; do
                case $1 in
                --rule) chosen+=("$2"); shift ;;
                --list) printf '%s\n' "${RULES[@]}"; exit 0 ;;
                -*) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
                *) dir=$1 ;;
                esac
                shift
        done
        cd "${dir:-$(dirname "$(readlink -f "$0")")/..}"
        [ ${#chosen[@]} -gt 0 ] || chosen=("${RULES[@]}")
        TMP=$(mktemp -d)
        trap 'rm -rf "$TMP"' EXIT
        LIST=$TMP/list
        files_list >"$LIST"
        for rule in "${chosen[@]}"; do
                "rule_$rule" >>"$TMP/breaches"
        done
        sort -t: -k1,1 -k2,2n "$TMP/breaches"
        if [ -s "$TMP/breaches" ]; then
                echo "check-house: $(wc -l <"$TMP/breaches") breaches" >&2
                exit 1
        fi
}

main "$@"
