#!/usr/bin/env bash
# Counts instructions per call, by callgrind: (Ir(11000) - Ir(1000)) / 10000. Fails if a success of
# undaunted needs more than its gate, without rounding. A failure has no gate: it waits for
# milliseconds. `instructions.sh peers` counts the other crates too, without gates. The gates are the
# limits that the project set itself, close to the measured counts.
set -euo pipefail
cd "$(dirname "$0")"

# group, gate, name
gates="\
success	-	raw
success	-	loop by hand
success	68	undaunted with_retry
success	90	undaunted #[retry]
success	-	undaunted Session
success	-	undaunted Retry, budget
fail2	-	raw, 3 calls
fail2	-	loop by hand, yields
fail2	-	undaunted, no jitter
fail2	-	undaunted, jitter drawn"

if [ "${1:-}" != peers ]; then
  printf '| variant | is | limit |\n|---|---|---|\n'
  cargo run --release --quiet -p gate -- limits
  echo
fi

if ! command -v valgrind >/dev/null; then
  echo "SKIPPED: valgrind is not installed, so the instruction gate did not run" >&2
  exit 0
fi

target=${CARGO_TARGET_DIR:-target}/release
if [ "${1:-}" = peers ]; then
  cargo build --release --quiet -p overhead
  program=("$target/overhead" count)
  gates=$("$target/overhead" names | sed 's/\t/\t-\t/')
else
  cargo build --release --quiet -p gate
  program=("$target/gate")
fi

# The two counts of a variant also differ by their start, such as one more digit to parse: 2 to 30
# instructions were measured. One instruction more per call would be 10000.
start_up=100

# count GROUP NAME COUNT
count() {
  local said
  if ! said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "${program[@]}" "$@" 2>&1) ||
    ! [[ $said =~ Collected\ :\ ([0-9]+) ]]; then
    echo "$2 ($1) could not be counted: $said" >&2
    return 1
  fi
  echo "${BASH_REMATCH[1]}"
}

failed=0
printf '| | variant | instructions | gate |\n|---|---|---|---|\n'
while IFS=$'\t' read -r group limit name; do
  many=$(count "$group" "$name" 11000)
  few=$(count "$group" "$name" 1000)
  calls=$((many - few))
  printf '| %s | %s | %s | %s |\n' "$group" "$name" "$((calls / 10000))" "$limit"
  if [ "$limit" != - ] && [ "$calls" -gt "$((limit * 10000 + start_up))" ]; then
    echo "$name ($group) needs $calls instructions for 10000 calls, and its gate is $limit for one" >&2
    failed=1
  fi
done <<<"$gates"
exit $failed
