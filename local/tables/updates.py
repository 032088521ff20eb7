"""Apply an update expression to an item."""

from local.tables.conditions import Values
from local.tables.syntax import RemoveAction, SetAction, UpdateExpression
from local.tables.values import Item


def apply(update: UpdateExpression, item: Item, values: Values) -> Item:
    """Return the updated item. `item` is not modified; every operand is read from it as it was before the update."""
    changed = dict(item)
    for action in update.actions:
        match action:
            case SetAction(attribute, value, present):
                known = None if present is None else item.get(present)
                changed[attribute] = values[value] if known is None else known
            case RemoveAction(attribute):
                changed.pop(attribute, None)
    return changed
