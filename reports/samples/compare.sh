#!/usr/bin/env bash
# The evidence on comparing, on one GPU: what noise is, identical code against itself, a planted slowdown, two arms.
# Usage: reports/samples/compare.sh FOLDER PART...; parts: pool pool-decode compare-aa compare-planted compare-arms.
# Needs git. Where the checkout has none, a bundle of the repository (git bundle create): BUNDLE, branch REVISION (main).
# Every part exports its runs to FOLDER, and appends its processes to FOLDER/processes.csv, also when it is stopped.
# How much: POOL_WORKTREES x POOL_PAIRS pairs (4 x 8: 64 processes), AA comparisons (4), BUDGET_S each (240).
# What, if not the int4 model's: SUITE, MATCH, AA_MATCH.
set -uo pipefail
checkout=$PWD
out=$(realpath -m "$1")
parts=${*:2}
mkdir -p "$out"
command -v git > /dev/null || { echo "git is not installed here" >&2; exit 2; }
repository=$(mktemp -d)/repository
if git -C "$checkout" rev-parse --git-dir > /dev/null 2>&1; then
  git clone --quiet "$checkout" "$repository"
else
  git clone --quiet --branch "${REVISION:-main}" "${BUNDLE:?no .git here: name a bundle of the repository}" "$repository"
fi || { echo "no repository to measure" >&2; exit 2; }
git -C "$repository" config user.name sample && git -C "$repository" config user.email sample@localhost
export HARNESS_STORE="$out/compare.sqlite" COLUMNS=150 PYTHONUNBUFFERED=1 PYTHONPATH="$checkout${PYTHONPATH:+:$PYTHONPATH}"
suite=${SUITE:-suites/qwen3_5_moe.yaml}
baseline=${MATCH:-moe_gate_up@experts/int4-g128/bfloat16/baseline,moe_down@experts/int4-g128/bfloat16/baseline}
all=${AA_MATCH:-*@*/int4-g128/bfloat16/baseline} # every kernel, one token; the gates decide when it ends
cd "$repository" || exit 2

harness() { python3 -P -m harness "$@"; }
compare() { # NAME ARGUMENT...: the comparison as text and as JSON, which judges the stored runs again
  local name=$1 start=$SECONDS
  shift
  harness compare "$@" --budget "${BUDGET_S:-240}" > "$out/$name.txt" 2> "$out/$name.progress.txt"
  echo "exit status $?, $((SECONDS - start)) s" | tee -a "$out/$name.txt" >&2
  local runs
  runs=$(grep -oE '\(run [0-9]+\)' "$out/$name.progress.txt" | grep -oE '[0-9]+')
  # shellcheck disable=SC2086
  [ -z "$runs" ] || harness compare $runs --json > "$out/$name.json"
}

for part in $parts; do
  echo "== $SECONDS s: $part" >&2
  case $part in
    pool)
      harness calibrate "$suite" -k "$baseline" --worktrees "${POOL_WORKTREES:-4}" --pairs "${POOL_PAIRS:-8}" | tee "$out/pool.txt" ;;
    pool-decode)
      harness calibrate "$suite" -k decode --arms baseline --worktrees "${POOL_WORKTREES:-3}" --pairs "${POOL_PAIRS:-2}" |
        tee "$out/pool-decode.txt" ;;
    compare-aa)
      for number in $(seq "${AA:-4}"); do
        compare "aa-$number" HEAD HEAD --suite "$suite" -k "$all" --measure-identical
      done ;;
    compare-planted)
      for percent in 2 5; do
        git checkout --quiet -B "planted-$percent" "$(git rev-parse HEAD)" &&
          python3 "$checkout/reports/samples/plant.py" kernels/moe_gate_up/triton_vecmat.py "$percent" &&
          git commit --quiet --all -m "moe_gate_up does $percent % more work" && git checkout --quiet --detach HEAD~1
        compare "planted-$percent" HEAD "planted-$percent" --suite "$suite" -k "$baseline"
      done ;;
    compare-arms)
      compare arms .:baseline .:autotuned --suite "$suite" -k "$baseline,${baseline//\/baseline//autotuned}" ;;
    *) echo "unknown part $part" >&2; exit 2 ;;
  esac
  python3 -P "$checkout/reports/samples/noise.py" "$HARNESS_STORE" "$out/processes.csv" | tee "$out/noise.txt"
done
for id in $(harness show --json | python3 -c 'import json, sys; print(*(run["id"] for run in json.load(sys.stdin)["runs"]))'); do
  harness export "$id" "$out/compare-$id.json.gz"
done
echo "== $SECONDS s: done" >&2
