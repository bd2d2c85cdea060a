#!/usr/bin/env bash
# The whole GPU evidence in one go: what the machine is, the sweep, the run, its export and its report, the marked tests.
# Usage: reports/samples/record.sh FOLDER [PROCESSES]; needs a GPU and the package's dependencies; works without .git.
set -uo pipefail
out=$1
processes=${2:-5}
mkdir -p "$out"
export HARNESS_STORE="$out/runs.sqlite" COLUMNS=150 PYTHONUNBUFFERED=1
step() { echo "== $SECONDS s: $*" >&2; }
step doctor; python3 -m harness doctor > "$out/doctor.txt"
step cold or warm; PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/cold_or_warm.py | tee "$out/cold_or_warm.txt"
step sweep; python3 -m harness sweep suites/qwen3_5_moe.yaml > "$out/sweep.txt" && tail -40 "$out/sweep.txt"
tar -czf "$out/tuned.tar.gz" kernels/*/tuned/nvidia-*.json
step run
${RUN_LIMIT_S:+timeout -s INT "$RUN_LIMIT_S"} python3 -m harness run suites/qwen3_5_moe.yaml --processes "$processes" -m "sample" > "$out/run.txt"
python3 -m harness export "$(python3 -m harness show --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["runs"][-1]["id"])')" "$out/run.json.gz"
cat "$out/run.txt"
step tests; python3 -m pytest -q -p no:cacheprovider -m gpu tests/gpu tests/models 2>&1 | tail -5 | tee "$out/tests.txt"
step done
