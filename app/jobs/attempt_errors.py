"""Which of the errors of one attempt decides how it ends."""

from collections.abc import Iterator, Sequence


def deciding_error(group: ExceptionGroup[Exception], precedence: Sequence[type[Exception]]) -> Exception:
    """Return the error in the group whose type comes first in `precedence`; else the group's first error.

    A task group may raise several: the work's own, and the heartbeat's that ended it.
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
