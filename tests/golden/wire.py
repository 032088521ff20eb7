"""What clients receive: problems, event types, signed texts and the OpenAPI document."""

from typing import Any

from prometheus_client import CollectorRegistry

from app.accounts.service import tokens
from app.items.service.grants import Grant, PlaybackGrants
from app.main import create_api
from app.openapi import describe
from app.pagination import Cursors, Position
from app.settings import Settings
from app.share_links.schema.links import ShareLink
from app.share_links.service.proofs import Proofs
from darkroom_process.readiness import Readiness
from darkroom_process.secret_file import Secret
from darkroom_shared.events import COMPLETIONS, EventType
from darkroom_shared.problems import PROBLEMS, TYPE_PREFIX, Problem
from darkroom_shared.times import utc_now
from tests.golden.flat import pretty, text_of
from tests.golden.full_values import MOMENT, full

SECRET = Secret(b"s" * 32)


def problems() -> str:
    """Return a line for each problem class, including one that is missing in the table."""
    known = set(PROBLEMS.values())
    lines = [
        f"{TYPE_PREFIX}{kind.type}  {kind.status}  {kind.title}  {'retry' if kind.retry else 'no retry'}"
        for kind in _with_subclasses(Problem)
        if kind in known or kind.__module__ == Problem.__module__
    ]
    return text_of(lines)


def _with_subclasses(kind: type[Problem]) -> list[type[Problem]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _with_subclasses(child))]


def event_types() -> str:
    return text_of(f"{kind.value}{'  also to SNS' if kind in COMPLETIONS else ''}" for kind in EventType)


def signed_texts() -> str:
    """Return texts that one release signs and another must accept: the same secret gives the same text."""
    link: ShareLink = full(ShareLink)
    lines = {
        "cursor of a list": Cursors(SECRET).write("ACCOUNT", "captured", full(Position)),
        "grant to play": PlaybackGrants(SECRET).write(full(Grant)),
        "proof of a share's password": Proofs(SECRET, utc_now).write(link, MOMENT),
        "hash of a token": tokens.hash_of("TOKEN"),
        "beginning of a session's token": tokens.new_token()[: len(tokens.PREFIX)],
    }
    return text_of(f"{name}  {text}" for name, text in lines.items())


def openapi() -> str:
    """Return the OpenAPI document as normalised JSON, one member per line, without prose, which may change freely."""
    settings: Any = Settings.model_construct()
    document = _without_prose(describe(create_api(settings, Readiness(), CollectorRegistry())))
    return pretty(document)


def _without_prose(value: Any) -> Any:
    """Remove descriptions and titles that are strings. A property of such a name is a schema and stays."""
    match value:
        case dict():
            return {
                name: _without_prose(each)
                for name, each in value.items()
                if not (name in {"description", "summary", "title"} and isinstance(each, str))
            }
        case list():
            return [_without_prose(each) for each in value]
        case _:
            return value
