#!/usr/bin/env bash
# Builds the libraries with the oldest Rust that they support: rustup's toolchain of that version, or
# Debian's.
set -euo pipefail
cd "$(dirname "$0")"

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

is_oldest() { "$@" --version 2>/dev/null | grep -q "^rustc $oldest\."; }

export CARGO_TARGET_DIR=../../target/oldest-rust
if is_oldest rustup run "$oldest" rustc; then
  rustup run "$oldest" cargo check --quiet --locked
elif is_oldest /usr/bin/rustc; then
  RUSTC=/usr/bin/rustc /usr/bin/cargo check --quiet --locked
else
  echo "SKIPPED: Rust $oldest is not installed (rustup toolchain install $oldest)" >&2
fi
