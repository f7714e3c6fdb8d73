"""Reads what the server says of a plan."""

from typing import Any


def stages(plan: Any) -> set[str]:
    """Return the names of all stages that the planner chose, in both of its shapes."""
    if isinstance(plan, list):
        return set().union(*map(stages, plan))
    if not isinstance(plan, dict):
        return set()
    own = {plan["stage"]} if "stage" in plan else {name for name in plan if name == "$sort"}
    return own.union(*(stages(part) for name, part in plan.items() if name not in {"rejectedPlans", "command"}))


def operators(value: Any) -> set[str]:
    """Return every operator of a command."""
    if isinstance(value, dict):
        return {name for name in value if name.startswith("$")}.union(*map(operators, value.values()))
    return set().union(*map(operators, value)) if isinstance(value, list) else set()


def examined(plan: Any, what: str = "totalDocsExamined") -> int:
    """Return how many documents were read."""
    if isinstance(plan, list):
        return sum(examined(part, what) for part in plan)
    if not isinstance(plan, dict):
        return 0
    return int(plan.get(what, 0)) + sum(examined(part, what) for part in plan.values())


def scans(plan: Any) -> bool:
    """Tell whether a collection is read from end to end, by the query itself or once for each row of a join."""
    if isinstance(plan, list):
        return any(map(scans, plan))
    if not isinstance(plan, dict):
        return False
    joined = int(plan.get("collectionScans", 0)) > 0 or plan.get("strategy") in {"NestedLoopJoin", "HashJoin"}
    return plan.get("stage") == "COLLSCAN" or joined or any(scans(part) for part in _parts(plan))


def sorts(plan: Any) -> bool:
    """Tell whether rows are sorted in memory."""
    return bool(stages(plan) & {"SORT", "$sort"})


def _parts(plan: dict[str, Any]) -> list[Any]:
    return [part for name, part in plan.items() if name not in {"rejectedPlans", "command"}]
