#!/usr/bin/env bash
# The whole GPU evidence in one go: the marked tests, what the machine is, the sweep, the run, its export and its report.
# Usage: reports/samples/record.sh FOLDER [PROCESSES]; needs a GPU and the package's dependencies; works without .git.
set -euo pipefail
out=$1
processes=${2:-5}
mkdir -p "$out"
export HARNESS_STORE="$out/runs.sqlite" COLUMNS=150
python3 -m pytest -q -p no:cacheprovider -n 6 -m gpu tests 2>&1 | tee "$out/tests.txt"
python3 -m harness doctor | tee "$out/doctor.txt" || true
python3 -m harness sweep suites/qwen3_5_moe.yaml | tee "$out/sweep.txt"
python3 -m harness run suites/qwen3_5_moe.yaml --processes "$processes" -m "sample" | tee "$out/run.txt"
python3 -m harness export last "$out/run.json.gz"
python3 -m harness report last --out "$out/report"
tar -czf "$out/tuned.tar.gz" kernels/*/tuned/nvidia-*.json
