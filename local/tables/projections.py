"""Cuts an item down to the paths somebody asked for."""

from collections.abc import Iterable

from local.tables.conditions import look_up
from local.tables.syntax import Path
from local.tables.values import AttributeValue, Item


def project(item: Item, paths: Iterable[Path]) -> Item:
    """The item with those paths only; elements of one list move together, in their order."""
    tree: Branch = {}
    for path in paths:
        if look_up(item, path) is None:
            continue
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, {})
        branch[path[-1]] = {}
    return {str(name): _cut(item[str(name)], branch) for name, branch in tree.items()}


Branch = dict[str | int, "Branch"]
"""The steps that go on from here; empty: everything below belongs to it."""


def _cut(value: AttributeValue, branch: Branch) -> AttributeValue:
    if not branch:
        return value
    if "L" in value:
        elements = value["L"]
        return {
            "L": [
                _cut(elements[step], below) for step, below in sorted(branch.items(), key=lambda entry: int(entry[0]))
            ]
        }
    return {"M": {step: _cut(value["M"][step], below) for step, below in branch.items()}}
