"""A comparison ends before a pair that would not end in time, and on a machine that disturbs it."""

from __future__ import annotations

from harness.runner.budget import MOST_DISTURBED, Budget, silence_limit_s


def test_it_ends_where_the_longest_pair_so_far_would_not_end_in_time() -> None:
    budget = Budget(100.0)
    budget.count(20.0, disturbed=False)
    budget.count(5.0, disturbed=False)
    budget.started -= 79.0
    assert budget.end() == "" and budget.valid == 2
    budget.started -= 2.0
    assert budget.end() == "ended by the budget of 100 s after 2 pairs"
    budget.waited_s += 10.0
    assert budget.end() == "", "waiting for others does not count"


def test_processes_that_wait_already_cost_no_start() -> None:
    """The first of four pairs starts the processes of all: the others take as long as they run."""
    budget = Budget(45.0)
    budget.count(4.0, disturbed=False, start_s=6.0)
    budget.started -= 40.0
    assert budget.end(started=True) == "" and budget.end() == "ended by the budget of 45 s after 1 pairs"


def test_a_number_of_pairs_knows_no_time() -> None:
    budget = Budget(None)
    budget.started -= 1e6
    assert budget.end() == ""


def test_disturbed_pairs_are_repeated_a_few_times() -> None:
    """They do not count as pairs; one more than allowed ends it."""
    budget = Budget(None)
    for _ in range(MOST_DISTURBED):
        budget.count(1.0, disturbed=True)
    assert budget.end() == "" and budget.valid == 0
    budget.count(1.0, disturbed=True)
    assert budget.end() == "ended after 9 disturbed pairs: the GPU throttles or is shared"


def test_a_call_that_hangs_costs_a_part_of_the_budget() -> None:
    """But compiling has two minutes, and no budget gives a hanging call more than ten."""
    assert [silence_limit_s(budget) for budget in (10, 600, 1200, 86400)] == [120, 150, 300, 600]
