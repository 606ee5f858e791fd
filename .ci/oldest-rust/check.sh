#!/usr/bin/env bash
# Builds the libraries with the oldest Rust that they support: rustup's toolchain of that version, or
# Debian's, which is installed if this is CI.
set -euo pipefail
cd "$(dirname "$0")"

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

is_oldest() { "$@" --version 2>/dev/null | grep -q "^rustc $oldest\."; }

if [ -n "${CI:-}" ] && ! is_oldest rustup run "$oldest" rustc && ! is_oldest /usr/bin/rustc; then
  # The packages of Debian 12, then those of 13. A machine without them is told below.
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends rustc-web cargo-web; } ||
    apt-get -qq install -y --no-install-recommends rustc cargo || true
fi >/dev/null 2>&1

export CARGO_TARGET_DIR=../../target/oldest-rust
if is_oldest rustup run "$oldest" rustc; then
  rustup run "$oldest" cargo check --quiet --locked
elif is_oldest /usr/bin/rustc; then
  RUSTC=/usr/bin/rustc /usr/bin/cargo check --quiet --locked
else
  echo "SKIPPED: Rust $oldest is not installed (rustup toolchain install $oldest)" >&2
fi
