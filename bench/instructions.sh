#!/usr/bin/env bash
# Instructions a call, by callgrind: (Ir(11000) - Ir(1000)) / 10000. Fails where a variant needs
# more than its gate. A gate is what was reached, with a little room; lower it when less is.
set -euo pipefail
cd "$(dirname "$0")"

gates="raw_ok:- hand_ok:- with_retry_ok:90 macro_ok:145 budget_ok:- raw_fail2:- hand_fail2:- fail2_plain:450 fail2_jitter:760"

if ! command -v valgrind >/dev/null; then
  echo "SKIPPED: valgrind is not installed, so the instruction gate did not run" >&2
  exit 0
fi

cargo build --release --quiet -p gate
gate=${CARGO_TARGET_DIR:-target}/release/gate
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$gate" "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\)$/\1/p'
}

failed=0
printf '| variant | instructions | gate |\n|---|---|---|\n'
for entry in $gates; do
  variant=${entry%%:*} limit=${entry##*:}
  figure=$((($(count "$variant" 11000) - $(count "$variant" 1000)) / 10000))
  printf '| %s | %s | %s |\n' "$variant" "$figure" "$limit"
  if [ "$limit" != - ] && [ "$figure" -gt "$limit" ]; then
    echo "$variant needs $figure instructions, and its gate is $limit" >&2
    failed=1
  fi
done
exit $failed
