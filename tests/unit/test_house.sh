#!/usr/bin/env bash
# The tree itself keeps the house rules; one line of the result for each rule.
set -u
check=${top_srcdir:-$(dirname "$0")/../..}/build-aux/check-house.sh
mapfile -t rules < <(bash "$check" --list)
echo "1..${#rules[@]}"
for i in "${!rules[@]}"; do
        if out=$(bash "$check" --rule "${rules[i]}" 2>&1); then
                echo "ok $((i + 1)) - ${rules[i]}"
        else
                echo "not ok $((i + 1)) - ${rules[i]}"
                sed 's/^/# /' <<<"$out"
        fi
done
