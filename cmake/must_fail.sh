#!/usr/bin/env bash
# must_fail.sh PROGRAM TESTS: exit code 0 if one of the googletests of that name pattern fails, or an
# assertion of the product ends the program.
set -uo pipefail
said=$(timeout 120 "$1" --gtest_filter="$2" --gtest_fail_fast 2>&1)
code=$?
printf '%s\n' "$said" | tail -n 20
case $code in
  1) grep -q '^\[  FAILED  \]' <<< "$said" && exit 0 ;;
  124) echo "caught: the test did not end"; exit 0 ;;
  134) echo "caught by an assertion"; exit 0 ;;
esac
echo "not caught (exit code $code)"
exit 1
