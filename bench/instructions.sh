#!/usr/bin/env bash
# Instructions a call, by callgrind: (Ir(11000) - Ir(1000)) / 10000. Fails where a success of
# ours needs more than its gate, not rounded. A failure has no gate: it waits for milliseconds.
# `instructions.sh peers` counts the other crates too, and has no gate. A gate is the limit that
# the project set itself; what is reached is close to it.
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

# What the two counts of a variant differ by beside their calls, such as one digit more to read:
# 2 to 30 instructions were measured. A whole instruction a call would be 10000.
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
