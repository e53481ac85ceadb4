"""Memory on two cores: nothing is overwritten that the other core may still read or write."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from npfacenet.inference import Costs, Plan, bound_plan
from npfacenet.inference.placement import Root
from npfacenet.inference.schedule import Task, still_used
from npfacenet.inference.workspace import Workspace
from npfacenet.recipes.nn4_small2 import nn4_small2
from npfacenet.recipes.yunet import yunet


def before(tasks: list[Task]) -> dict[Task, set[Task]]:
    """For each task: all that are done when it begins, by following who waits for whom."""
    latest: dict[int, Task] = {}
    done: dict[Task, set[Task]] = {}
    for task in tasks:
        done[task] = set()
        for one in (latest.get(task.core), task.after):
            if one is not None:
                done[task] |= {one} | done[one]
        latest[task.core] = task
    return done


@pytest.mark.parametrize("build", [yunet, nn4_small2])
@pytest.mark.parametrize("wait", [10.0, 5_000.0, 50_000.0])
def test_memory_is_taken_over_when_both_cores_are_done_with_it(
    monkeypatch: pytest.MonkeyPatch, build: object, wait: float
) -> None:
    seen: list[tuple[Workspace, Mapping[str, Root], list[Task]]] = []

    class Watched(Workspace):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            seen.append((self, given[1], given[2]))  # type: ignore[arg-type]

    monkeypatch.setattr(bound_plan, "Workspace", Watched)
    network = build()  # type: ignore[operator]
    costs = Costs(worth_sharing=0.0, wait=wait, worth_halving=(20_000.0, 50_000.0))
    plan = Plan(network, network.initialise(0), costs)
    plan.bind(1, cores=2, shape=(96, 96, 3))
    ((workspace, roots, tasks),) = seen
    done = before(tasks)
    shared = 0
    for old, first in roots.items():
        for new, second in roots.items():
            begin, end = workspace.extent(old)
            other_begin, other_end = workspace.extent(new)
            if old == new or first.first >= second.first:
                continue
            if end <= other_begin or other_end <= begin:
                continue
            shared += 1
            users = {t for t in tasks if first.first <= t.index <= first.last}
            for task in tasks:
                if second.first <= task.index <= second.last:
                    assert users <= done[task], f"{new} overwrites {old}"
    assert shared
    assert {task.core for task in tasks} == {0, 1}


def test_without_waiting_a_core_may_be_anywhere() -> None:
    alone = [Task(index, None, index % 2, index // 2, 0.0, None) for index in range(4)]  # type: ignore[arg-type]
    assert still_used(alone, 4) == [3, 3, 3, 3]
