"""Tunes a product on this machine, measures it before and after, and says whether it became faster."""

import sys

from kernel_harness import Store, compare, load_suite, plan, run, sweep

suite = load_suite("suites/qwen3_5_moe_tiny.yaml")
store = Store()

tuned = sweep(suite, match="int4_mm@gdn_in", rounds=3, processes=2, untrusted=True, store=store)
for question in tuned.questions:
    print(f"{question.op}@{question.site}: {len(question.configurations)} configurations")

for case in plan(suite, match="int4_mm@gdn_in").cases:
    print(case.id, case.answer.label)

measured = run(suite, match="int4_mm@gdn_in", stages=("kernels",), rounds=3, processes=2, store=store)
for found in measured.measurements:
    print(found.case.id, found.status, f"{len(found.samples)} samples")

comparison = compare(measured, measured, base_arm="baseline", head_arm="autotuned")
for verdict in comparison.verdicts:
    ratio = f" {verdict.ratio.value:.3f}" if verdict.ratio else ""
    print(verdict.case, verdict.metric, verdict.verdict, ratio)
sys.exit(comparison.exit_status)
