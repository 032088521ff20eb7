"""The report of a child, which a malicious image may control, is validated and never trusted."""

import json
from typing import Any

import pytest

from app.media.recipe import RECIPE, recipe_hash
from app.media.results import DecoderCrashed, MediaResult
from app.media.sandbox.confinement import Limits
from app.media.sandbox.outcome import result_of
from app.media.sandbox.protocol import EXIT_MADE, JobEnded, StartJob


def outcome_of(output: str) -> MediaResult:
    return result_of(JobEnded(1, EXIT_MADE, 0.1, 0.1, output, ""), StartJob(1, "source", "folder", Limits()))


def image(**changes: Any) -> dict[str, Any]:
    renditions = [
        {
            "name": recipe.name,
            "file": recipe.file,
            "content_type": recipe.content_type,
            "width": 3,
            "height": 2,
            "size_bytes": 10,
            "sha256": "0" * 64,
        }
        for recipe in RECIPE
    ]
    facts = {
        "width": 3,
        "height": 2,
        "captured_at": None,
        "camera": None,
        "placeholder": "3OcRJYB4d3h/iIeHeEh3eIhw+j3A",
        "renditions": renditions,
    }
    return facts | changes


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (35, "SIG35"), (64, "SIGRTMAX"), (200, "SIG200")])
def test_any_signal_is_named_in_the_crash_report(number: int, name: str) -> None:
    with pytest.raises(DecoderCrashed) as crashed:
        result_of(JobEnded(1, -number, 0.1, 0.1, "", ""), StartJob(1, "source", "folder", Limits()))
    assert crashed.value.crash_report.signal == name


def test_a_valid_report_is_parsed() -> None:
    assert outcome_of(json.dumps({"image": image()})).width == 3


@pytest.mark.parametrize(
    "output",
    [
        "",
        "{",
        "null\n",
        json.dumps({"image": image(width="wide")}),
        json.dumps({"image": image(width=0)}),
        json.dumps({"image": image(camera="x" * 101)}),
        json.dumps({"image": image(renditions=[])}),
        json.dumps({"image": image(renditions=image()["renditions"][:3])}),
        json.dumps({"image": image(renditions=[r | {"file": "../../etc/shadow"} for r in image()["renditions"]])}),
        json.dumps({"image": image(renditions=[r | {"content_type": "text/html"} for r in image()["renditions"]])}),
        json.dumps({"image": image(renditions=[r | {"sha256": "none"} for r in image()["renditions"]])}),
        json.dumps({"image": image()})[:200],
    ],
)
def test_an_invalid_report_counts_as_a_crash(output: str) -> None:
    with pytest.raises(DecoderCrashed):
        outcome_of(output)


def test_the_recipes_hash_changes_with_the_recipe_only() -> None:
    assert recipe_hash() == recipe_hash(tuple(RECIPE))
    assert recipe_hash() != recipe_hash(RECIPE[:3])
    assert len(recipe_hash()) == 12
