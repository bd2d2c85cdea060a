#!/usr/bin/env bash
# The GPU evidence: what the machine is, cold against warm weights, the sweep, the run with its export, the marked tests.
# Usage: reports/samples/record.sh FOLDER [PROCESSES] [PART...]; parts: doctor cold sweep run traces engines tests (all when left out), long, sweep-moe,
# sweep864, try, cheats, decode (batch 1 and 8, long context, prefill, peers), and those of compare.sh, `compare` for its kernels.
# Needs a GPU and the package's dependencies; works without .git. RUN_LIMIT_S ends the run early and keeps what it measured.
# The tuned files that the sweep writes are copied to FOLDER: put them under kernels/ where `run` goes to another machine.
set -uo pipefail
out=$1
processes=${2:-5}
parts=${*:3}
parts=${parts:-doctor cold sweep run traces engines tests}
mkdir -p "$out"
export HARNESS_STORE="$out/runs.sqlite" COLUMNS=150 PYTHONUNBUFFERED=1
record_run() {  # SUITE NAME OPTION...: runs the suite, its table to NAME.txt and the run to NAME.json.gz
  local newest='import json, sys; print(json.load(sys.stdin)["runs"][-1]["id"])'
  ${RUN_LIMIT_S:+timeout -s INT "$RUN_LIMIT_S"} python3 -m harness run "suites/$1.yaml" \
    --processes "$processes" -m "sample" "${@:3}" > "$out/$2.txt" && cat "$out/$2.txt"
  python3 -m harness export "$(python3 -m harness show --json | python3 -c "$newest")" "$out/$2.json.gz"
}
for part in $parts; do
  echo "== $SECONDS s: $part" >&2
  case $part in
    doctor) python3 -m harness doctor > "$out/doctor.txt" ;;
    cold) PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/cold_or_warm.py | tee "$out/cold_or_warm.txt" ;;
    sweep)
      python3 -m harness sweep suites/qwen3_5_moe.yaml > "$out/sweep.txt" && tail -40 "$out/sweep.txt"
      for file in kernels/*/tuned/nvidia-*.json; do
        cp "$file" "$out/$(basename "$(dirname "$(dirname "$file")")")-$(basename "$file")"
      done
      ;;
    sweep-moe)
      python3 -m harness sweep suites/moe_words.yaml --charts "$out" --csv "$out/sweep-moe.csv" > "$out/sweep-moe.txt"
      tail -30 "$out/sweep-moe.txt"
      ;;
    sweep864)
      python3 reports/samples/sweep864.py "$out" "${SWEEP_LIMIT_S:-270}"
      for file in kernels/*/tuned/nvidia-*.json; do
        cp "$file" "$out/$(basename "$(dirname "$(dirname "$file")")")-$(basename "$file")"
      done
      ;;
    run) record_run qwen3_5_moe run ;;
    long) record_run qwen3_5_moe_long long -k '*/fused,*/overlapped,router@*' ;; # of the arm `apart` its router alone
    decode)
      PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/decode_table.py suites suites
      for core in $(seq 0 14); do
        PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/decode_table.py compile "$core" 15 &
      done
      wait
      record_run decode_table decode_table --only kernels,decode --arms overlapped,phases,peers -k 'phases,tokens=4,peers'
      record_run decode_long decode_long --only decode --arms phases,phases_split
      rm suites/decode_{table,long}.yaml
      ;;
    traces)  # the tiny model's traces that tests/data/traces keeps, some 100 kB each
      python3 -m harness profile tests/data/traces/tiny_gpu.yaml --engine eager,cuda_graph,torch_compile --steps 2 \
        --keep-traces "$out/traces" > "$out/traces.txt"
      ls -l "$out/traces"
      PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/engines.py 2 "$out"/traces/tiny_gpu-tiny{,-cuda_graph,-torch_compile}.json.gz
      ;;
    engines)  # the large model's decode under each engine
      PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/engines.py suite suites/engines.yaml
      python3 -m harness profile suites/engines.yaml --arms fused --engine eager,cuda_graph,torch_compile \
        --keep-traces "$out/engines" > "$out/engines-tables.txt"
      PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/engines.py 8 \
        "$out"/engines/engines-fused{,-cuda_graph,-torch_compile}.json.gz | tee "$out/engines.txt"
      rm suites/engines.yaml
      ;;
    try)
      PYTHONPATH=.:${PYTHONPATH:-} python3 reports/samples/try_and_run.py | tee "$out/try.txt"
      python3 -m pytest -q -p no:cacheprovider -m gpu tests/gpu/test_try_on_gpu.py 2>&1 | tail -25 | tee "$out/try-tests.txt"
      ;;
    tests)
      python3 -m pytest -q -p no:cacheprovider -m gpu -n 8 --dist loadgroup tests/gpu 2>&1 | tail -15 | tee "$out/tests.txt"
      ;;
    cheats) PYTHONPATH=.:${PYTHONPATH:-} python3 -m tests.cheats.drive > "$out/cheats.json" 2> "$out/cheats.txt"
      grep -c "'INCORRECT'\|'INVALID'" "$out/cheats.txt" ;;
    compare | four | compare-aa | compare-planted | compare-arms | pool | pool-decode)
      [ "$part" = compare ] && part="pool compare-planted compare-arms four compare-aa"
      # shellcheck disable=SC2086
      bash reports/samples/compare.sh "$out" $part ;;
    *) echo "unknown part $part" >&2; exit 2 ;;
  esac
done
echo "== $SECONDS s: done" >&2
