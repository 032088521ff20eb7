"""The choice of the error that decides the outcome of an attempt."""

from collections.abc import Iterator, Sequence


def deciding_error(group: ExceptionGroup[Exception], precedence: Sequence[type[Exception]]) -> Exception:
    """Return the error in the group whose type comes first in `precedence`; else the group's first error.

    A task group may raise several: the error of the work, and that of the heartbeat which cancelled it.
    """
    errors = list(_flatten(group))
    for kind in precedence:
        for error in errors:
            if isinstance(error, kind):
                return error
    return errors[0]


def _flatten(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _flatten(error)
        else:
            yield error
