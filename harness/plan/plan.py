"""A suite to a plan: every case with its answer, in the order of the run, before any device is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from harness.engines import EAGER, engine_facts
from harness.errors import HarnessError, allowed
from harness.id_filter import select
from harness.plan.calls import dims_at, dims_in_pass, uses
from harness.plan.outside import measured_once, outside_cases
from harness.plan.resolution import ArmResolver, Resolved
from harness.suite.catalogue import PHASES, kernels_of
from harness.suite.format import TUNED
from harness.suite.sweeps import configurations
from harness.suite.where import WhereError
from harness.values.case import SHAPE_SITE, AxisValue, Case, Implementation
from harness.values.suite import Arm, CallSite, KernelQuestions, Plan, Suite

SWEEP_ARM = "sweep"
FORWARD = "forward"
CPU_DEVICE = "cpu-"
"""Start of the name of every device that is no GPU."""

ArmAnswers = dict[CallSite, Resolved]


def expand(
    suite: Suite,
    *,
    arms: Sequence[str] | None = None,
    match: str | None = None,
    device_slug: str | None = None,
    triton: str | None = None,
) -> Plan:
    """The plan of a suite on a device.

    arms: These alone, in this order.
    match: Cases whose id the filter selects.
    device_slug, triton: The device and Triton version of the run. Without them, `tuned` stays unresolved. With them, it
        is read from the tuned file or becomes the case's problem.

    Raises HarnessError for an unknown arm and for a filter that leaves nothing.
    """
    chosen = _arms(suite, arms)
    inside = [arm for arm in chosen if arm not in suite.outside]
    called = [arm for arm in inside if suite.arms[arm].module is None]
    answers = ArmResolver(suite, device_slug, triton)
    whole = {arm: _whole_model(suite, arm, answers) if arm in called else {} for arm in inside}
    cases = [
        *_kernel_cases(suite, called, answers),
        *_shape_cases(suite, called, answers),
        *_model_cases(suite, inside, whole, device_slug),
        *_forward_cases(suite, inside, device_slug),
        *outside_cases(suite, [arm for arm in chosen if arm in suite.outside]),
    ]
    if cases or match:
        kept = set(select(match, [case.id for case in cases]))
        cases = [case for case in cases if case.id in kept]
    measured = [case for case in cases if case.arm in whole]
    once = (*_deduplicate(measured, whole, suite.arms), *measured_once(suite, cases[len(measured) :]))
    return Plan(suite, once, tuple(chosen), _usable(whole))


def sweep_plan(suite: Suite, *, match: str | None = None, tokens: Sequence[int] = (1,)) -> Plan:
    """Every configuration of the suite's sweep spaces as a case, at each shape of the model and each number of tokens
    per call.

    Raises HarnessError if the suite has no sweep, no configuration meets its conditions or the filter leaves nothing.
    """
    if not suite.sweep:
        raise HarnessError(f"{suite.path}: sweep: this suite has none")
    cases = list(_sweep_cases(suite, tokens))
    if not cases:
        raise HarnessError(f"{suite.path}: sweep: `where` holds for no configuration at the model's shapes")
    kept = set(select(match, [case.id for case in cases]))
    return Plan(suite, tuple(case for case in cases if case.id in kept), (SWEEP_ARM,))


def _arms(suite: Suite, arms: Sequence[str] | None) -> list[str]:
    for name in arms or ():
        if name not in suite.arms:
            raise HarnessError(f"{suite.path}: unknown arm {name}; {allowed(name, suite.arms)}")
    return list(dict.fromkeys(arms)) if arms else list(suite.arms)


def _uses(suite: Suite, arm: str, phase: str) -> Iterator[Any]:
    """The places that an arm needs an answer for in a phase: its composites, and the ops that they do not replace."""
    every = uses(suite)
    chosen = [use for use in every if use.replaces and suite.arms[arm].choice(use.op, use.site, phase)]
    for use in every:
        over = [other for other in every if use.op_site in other.replaces]
        replaced = any(all(other in chosen for other in over if other.op == op) for op in {other.op for other in over})
        if use in chosen or not (use.replaces or replaced):
            yield use


def _kernel_cases(suite: Suite, arms: Sequence[str], answers: ArmResolver) -> Iterator[Case]:
    """The cases of single ops in the order of `kernels.ops`. The arms of one question, which are compared, are
    adjacent."""
    questions = suite.kernels
    asked = {arm: {use.op_site for use in _uses(suite, arm, "decode")} for arm in arms}
    for op in questions.ops if questions else ():
        assert questions is not None
        for use in (use for use in uses(suite) if use.op == op):
            for axes, dims in _kernel_axes(suite, use, questions):
                for arm in (arm for arm in arms if use.op_site in asked[arm]):
                    resolved = answers.resolve(arm, op, use.site, "decode", dims)
                    yield _kernel_case(suite, use, arm, axes, dims, resolved)


def _shape_cases(suite: Suite, arms: Sequence[str], answers: ArmResolver) -> Iterator[Case]:
    """The calls of no model, in the order of `shapes`."""
    for op, shapes in suite.shapes.items():
        for dims in shapes:
            for arm in arms:
                resolved = answers.resolve(arm, op, SHAPE_SITE, "decode", dims)
                yield _shape_case(suite, op, arm, dims, resolved)


def _shape_case(suite: Suite, op: str, arm: str, dims: dict[str, int], resolved: Resolved) -> Case:
    """One case. Every dim is an axis, and so is the routing if the op has one."""
    routed = kernels_of(suite).spec(op).asks_routing
    axes: dict[str, AxisValue] = {**dims, **({"routing": suite.routing} if routed else {})}
    return Case(
        kind="kernel", arm=arm, dtype=suite.dtype_label, axes=axes, op=op, site=SHAPE_SITE, dims=dims,
        answer=resolved.answer, problem=resolved.problem,
    )  # fmt: skip


def _kernel_axes(
    suite: Suite, use: Any, questions: KernelQuestions
) -> Iterator[tuple[dict[str, AxisValue], dict[str, int]]]:
    """Axes and sizes of each question about one use. `context` is an axis of ops that read a cache."""
    spec = kernels_of(suite).spec(use.op)
    for tokens in questions.tokens:
        for context in questions.context if spec.asks_context else questions.context[:1]:
            axes: dict[str, AxisValue] = {"tokens": tokens}
            if spec.asks_context:
                axes["context"] = context
            if spec.asks_routing:
                axes["routing"] = suite.routing
            yield axes, dims_at(use.dims, tokens=tokens, batch=tokens, length=1, context=context)


def _kernel_case(
    suite: Suite, use: Any, arm: str, axes: dict[str, AxisValue], dims: dict[str, int], resolved: Resolved
) -> Case:
    return Case(
        kind="kernel", arm=arm, dtype=suite.dtype_label, axes=axes, op=use.op, site=use.site, dims=dims,
        calls=use.calls, answer=resolved.answer, problem=resolved.problem, replaces=use.replaces,
    )  # fmt: skip


def _model_cases(
    suite: Suite, arms: Sequence[str], whole: Mapping[str, ArmAnswers], device: str | None
) -> Iterator[Case]:
    """Prefill and decode of each batch and context. Prefill is always eager."""
    questions = suite.decode
    if questions is None:
        return
    for batch, context in questions.shapes:
        axes: dict[str, AxisValue] = {"batch": batch, "context": context}
        for arm in arms:
            problem = _problem(whole[arm], "prefill")
            yield Case("prefill", arm, suite.dtype_label, axes, engine=EAGER, problem=problem)
        for engine in questions.engines:
            missing = engine_facts(engine).needs_gpu if device is not None and device.startswith(CPU_DEVICE) else ""
            for arm in arms:
                problem = missing or _problem(whole[arm], "prefill", "decode")
                lists = questions.lists if engine_facts(engine).packages and _has_lists(suite, whole[arm]) else (None,)
                for entries in lists:
                    axes = {"batch": batch, "context": context, "new_tokens": questions.new_tokens}
                    axes |= {} if entries is None else {"entries": entries}
                    yield Case("decode", arm, suite.dtype_label, axes, engine=engine, problem=problem)


def _forward_cases(suite: Suite, arms: Sequence[str], device: str | None) -> Iterator[Case]:
    """Each batch, engine and arm of a module without states. They are figures, since there are no tokens to count."""
    questions = suite.forward
    if questions is None:
        return
    for batch in questions.batch:
        for engine in questions.engines:
            missing = engine_facts(engine).needs_gpu if device is not None and device.startswith(CPU_DEVICE) else ""
            for arm in arms:
                yield Case(
                    "figure", arm, suite.dtype_label, {"batch": batch}, op=FORWARD, engine=engine,
                    problem=missing or None, figure_unit="us/pass",
                )  # fmt: skip


def _has_lists(suite: Suite, answers: ArmAnswers) -> bool:
    """Whether a variant of the arm's decode has other configurations to choose from, in a sweep of the suite or in the
    ranking of a tuned file."""
    swept = {(space.op, space.variant) for space in suite.sweep}
    return any(
        call.phase == "decode" and ((call.op, found.answer.variant) in swept or ".json" in found.answer.origin)
        for call, found in answers.items()
    )


def _whole_model(suite: Suite, arm: str, answers: ArmResolver) -> ArmAnswers:
    """Every choice of an arm for the model, at the first batch and context of the suite."""
    batch, context = suite.decode.shapes[0] if suite.decode else (1, 0)
    return {
        CallSite(phase, use.op, use.site): answers.resolve(
            arm, use.op, use.site, phase, dims_in_pass(use, phase, batch, context)
        )
        for phase in PHASES
        for use in _uses(suite, arm, phase)
    }


def _problem(whole: ArmAnswers, *phases: str) -> str | None:
    """The first reason why the arm's model cannot run in these phases."""
    found = ((call, resolved.problem) for call, resolved in whole.items() if call.phase in phases)
    return next((f"{call.op_site}: {problem}" for call, problem in found if problem), None)


def _usable(whole: Mapping[str, ArmAnswers]) -> dict[str, dict[CallSite, Implementation]]:
    """The answers of the arms that answer every call."""
    complete = {arm: found for arm, found in whole.items() if all(r.problem is None for r in found.values())}
    return {arm: {call: r.answer for call, r in found.items()} for arm, found in complete.items()}


def _deduplicate(cases: Iterable[Case], whole: Mapping[str, ArmAnswers], arms: Mapping[str, Arm]) -> Iterator[Case]:
    """The cases. If an earlier arm gives the same answer, a case names that arm's case and is not measured again."""
    first: dict[Any, str] = {}
    changes = {name: msgspec.json.encode((arm.changes, arm.module)) for name, arm in arms.items()}
    for case in cases:
        if case.problem is not None:
            yield case
            continue
        key = (case.question, _answer_key(case, whole[case.arm]), changes[case.arm])
        same = first.setdefault(key, case.id)
        yield case if same == case.id else msgspec.structs.replace(case, same_as=same)


def _answer_key(case: Case, whole: ArmAnswers) -> Any:
    """The key that two cases of one question share if they are one measurement. A decode starts from a prefill."""
    if case.answer is not None:
        return _key(case.answer)
    phases = ("prefill",) if case.kind == "prefill" else PHASES
    return tuple((call, *_key(resolved.answer)) for call, resolved in whole.items() if call.phase in phases)


def _key(answer: Implementation) -> tuple[Any, ...]:
    return answer.variant, tuple(sorted(answer.tunables.items())), answer.origin == TUNED


def _sweep_cases(suite: Suite, tokens: Sequence[int]) -> Iterator[Case]:
    """The cases of a sweep. Sites of one shape are one question, because a tuned file is keyed by shape."""
    answers = ArmResolver(suite, None, None)
    for space in suite.sweep:
        defaults = answers.defaults(space.op, space.variant)
        for case in _swept_questions(suite, space.op, tokens):
            try:
                for tunables in configurations(space, defaults, case.dims):
                    answer = Implementation(space.variant, tunables, SWEEP_ARM)
                    yield msgspec.structs.replace(case, answer=answer, tunables_in_id=True)
            except WhereError as error:
                raise HarnessError(f"{suite.path}: sweep.{space.op}.{space.variant}.where: {error}") from error


def _swept_questions(suite: Suite, op: str, tokens: Sequence[int]) -> Iterator[Case]:
    """A case without an answer for each shape of an op: the shapes in the model's calls, and those of `shapes`."""
    context = suite.kernels.context[0] if suite.kernels else 1024
    questions = KernelQuestions((), tokens=tuple(tokens), context=(context,))
    unanswered = Resolved(Implementation(""))
    found: list[dict[str, int]] = []
    for use in (use for use in uses(suite) if use.op == op):
        for axes, dims in _kernel_axes(suite, use, questions):
            if dims not in found:
                found.append(dims)
                yield _kernel_case(suite, use, SWEEP_ARM, axes, dims, unanswered)
    for dims in suite.shapes.get(op, ()):
        if dims not in found:
            yield _shape_case(suite, op, SWEEP_ARM, dims, unanswered)
