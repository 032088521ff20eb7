"""The OpenAPI document: FastAPI's own, with the problem document as the schema of every error."""

from typing import Any

from fastapi import FastAPI

from darkroom_shared.problems import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX

_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable, `detail` is a sentence for a person; further members may follow.",
    "type": "object",
    "required": ["type", "title", "status", "retry"],
    "properties": {
        "type": {"type": "string", "enum": [TYPE_PREFIX + name for name in sorted(PROBLEMS)]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "retry": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "errors": {
            "type": "array",
            "description": "With `invalid`: what is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A problem with the request", "content": _CONTENT},
    "5XX": {"description": "A problem of the service", "content": _CONTENT},
}
"""For every router under /v1."""


def describe(application: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    document = application.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    return document
