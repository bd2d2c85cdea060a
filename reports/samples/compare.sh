#!/usr/bin/env bash
# The evidence on comparing, on one GPU: what noise is, identical code against itself, a planted slowdown, two arms.
# Usage: reports/samples/compare.sh FOLDER PART...; parts: pool pool-decode compare-aa four compare-planted compare-arms.
# Needs git. Where the checkout has none, or another state than it has: BUNDLE (git bundle create), branch REVISION (main).
# However it ends, its runs are in FOLDER, its processes in FOLDER/processes.csv, and what took how long in commands.csv.
# LIMIT_S: ends by then, with what it has. EARLIER: FOLDER of another call, which this one goes on from.
# How much: POOL_WORKTREES x POOL_PAIRS pairs (4 x 4), DECODE_PAIRS (6), comparisons AA_FROM to AA (1 to 4), at most
# BUDGET_S (240) and AA_BUDGET_S (150) each. What, if not the int4 model's: SUITE, MATCH, AA_MATCH, ARMS, PLANT_IN.
set -uo pipefail
checkout=$PWD
out=$(realpath -m "$1")
parts=${*:2}
mkdir -p "$out"
command -v git > /dev/null || { echo "git is not installed here" >&2; exit 2; }
repository=$(mktemp -d)/repository
if [ -z "${BUNDLE:-}" ] && git -C "$checkout" rev-parse --git-dir > /dev/null 2>&1; then
  git clone --quiet "$checkout" "$repository"
else
  git clone --quiet --branch "${REVISION:-main}" "${BUNDLE:?no .git here: name a bundle of the repository}" "$repository"
fi || { echo "no repository to measure" >&2; exit 2; }
git -C "$repository" config user.name sample && git -C "$repository" config user.email sample@localhost
export HARNESS_STORE="$out/compare.sqlite" COLUMNS=150 PYTHONUNBUFFERED=1 PYTHONPATH="$checkout${PYTHONPATH:+:$PYTHONPATH}"
samples=$checkout/reports/samples
suite=${SUITE:-suites/qwen3_5_moe.yaml}
baseline=${MATCH:-moe_gate_up@experts/int4-g128/bfloat16/baseline,moe_down@experts/int4-g128/bfloat16/baseline}
one_token=/int4-g128/bfloat16/baseline
all=${AA_MATCH:-moe_*@*$one_token,int4_mm@gdn_*$one_token,gated*@*$one_token,router@*$one_token} # the first two gate
read -r base_arm head_arm <<< "${ARMS:-baseline autotuned}"

timed() { # NAME ARGUMENT...: a command that measures; its output, its progress, and a line of how long it took
  local name=$1 start=$SECONDS left=$((${LIMIT_S:-86400} - SECONDS - 25)) status
  shift
  [ "$left" -ge 20 ] || { echo "== $SECONDS s: no time left for $name" >&2; return; }
  timeout --foreground -s TERM -k 15 "$left" python3 -P -m harness "$@" -m "$name" > "$out/$name.txt" 2> "$out/$name.progress.txt"
  status=$?
  echo "$name,$status,$((SECONDS - start))" >> "$out/commands.csv"
  echo "== $SECONDS s: $name took $((SECONDS - start)) s, exit status $status" >&2
  tail -n 25 "$out/$name.txt"
  [ "$status" -lt 2 ] || tail -n 3 "$out/$name.progress.txt"
}
compare() { timed "$@" --suite "$suite" --budget "${budget_s:-${BUDGET_S:-240}}"; }
finish() { # the stored runs are judged once more, from their files
  python3 -P "$samples/noise.py" "$out/processes.csv" "$HARNESS_STORE" "$out" > "$out/noise.txt"
  cat "$out/noise.txt"
  for base in "$out"/*-base.json.gz; do
    case $(basename "$base") in pool-*) continue ;; esac
    python3 -P -m harness compare "$base" "${base%-base.json.gz}-head.json.gz" --json > "${base%-base.json.gz}.json" &
  done
  wait
  echo "== $SECONDS s: done" >&2
}

[ -s "$out/commands.csv" ] || echo "name,status,seconds" > "$out/commands.csv"
if [ -n "${EARLIER:-}" ]; then
  cp "$EARLIER"/*.csv "$EARLIER"/*.txt "$out" && chmod u+w "$out"/*.csv "$out"/*.txt
  python3 -P - "$EARLIER"/*.json.gz << 'EOF' || exit 2
import os, sys
from pathlib import Path
from harness.store import Store, read_exported
store = Store(os.environ["HARNESS_STORE"])
for file in map(Path, sys.argv[1:]):
    store.add_run(*read_exported(file))
EOF
fi
trap finish EXIT
trap 'exit 143' TERM INT
cd "$repository" || exit 2
for part in $parts; do
  case $part in
    pool)
      timed pool calibrate "$suite" -k "$baseline" --worktrees "${POOL_WORKTREES:-4}" --pairs "${POOL_PAIRS:-4}" ;;
    pool-decode)
      timed pool-decode calibrate "$suite" -k decode --arms baseline --worktrees 1 --pairs "${DECODE_PAIRS:-6}" \
        --rounds "${DECODE_PASSES:-1}" ;; # a pass takes seconds
    compare-aa)
      for number in $(seq "${AA_FROM:-1}" "${AA:-4}"); do
        budget_s=${AA_BUDGET_S:-150} compare "aa-$number" compare HEAD HEAD -k "$all" --measure-identical
      done ;;
    four) # what a comparison of identical code is held against
      timed four run "$suite" -k "$all" --only kernels --processes 4 ;;
    compare-planted) # both sides have the extra work, whose code the compiler sees; the head's takes longer by so much
      for percent in 0 2 5; do
        git checkout --quiet -B "planted-$percent" "$(git rev-parse HEAD)" &&
          python3 "$samples/plant.py" "${PLANT_IN:-kernels/moe_gate_up/triton_vecmat.py}" "$((percent + 1))" &&
          git commit --quiet --all -m "moe_gate_up does $percent % more work" && git checkout --quiet --detach HEAD~1
      done
      for percent in 2 5; do
        compare "planted-$percent" compare planted-0 "planted-$percent" -k "$baseline" --measure-identical
      done ;;
    compare-arms)
      compare arms compare ".:$base_arm" ".:$head_arm" -k "$baseline,${baseline//\/$base_arm//$head_arm}" ;;
    *) echo "unknown part $part" >&2; exit 2 ;;
  esac
done
