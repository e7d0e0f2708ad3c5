# Shared by the scripts beside it; sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
JOBS=${JOBS:-$(nproc)}
# Only the default: CCACHE_DIR and CCACHE_MAXSIZE of the caller (or of a CI machine) win.
export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

step() { printf '\n==> %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# configure PRESET [cmake arguments]: quiet when nothing changed, complete when it fails.
configure() {
  local preset=$1; shift
  local out
  if ! out=$(cmake --preset "$preset" "$@" 2>&1); then
    printf '%s\n' "$out" >&2
    die "configuring the '$preset' preset failed (is everything from scripts/deps installed?)"
  fi
}

# build FOLDER [targets…]: ninja's own one-line progress on a terminal, a line a file elsewhere.
build() {
  local folder=$1; shift
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  NINJA_STATUS="[%f/%t %es] " cmake --build "$folder" -j "$JOBS" "${targets[@]}"
}
