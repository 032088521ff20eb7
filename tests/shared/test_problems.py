"""The table of problems is complete, free of duplicates and documented."""

from pathlib import Path

from darkroom_shared.problems import PROBLEMS, TYPE_PREFIX, NotFound, TooManyRequests

API_PAGE = Path(__file__).parents[2] / "docs" / "API.md"


def test_every_problem_is_documented_with_its_status_and_title() -> None:
    page = API_PAGE.read_text()
    for type_, problem in PROBLEMS.items():
        row = f"| `{type_}` | {problem.status} | {problem.title} | {'yes' if problem.retry else 'no'} |"
        assert row in page


def test_problem_types_are_unique_and_their_statuses_are_errors() -> None:
    assert len({problem.type for problem in PROBLEMS.values()}) == len(PROBLEMS)
    assert all(400 <= problem.status < 600 for problem in PROBLEMS.values())


def test_a_problems_body_has_the_members_of_rfc_9457_and_its_own() -> None:
    assert NotFound().body() == {
        "type": f"{TYPE_PREFIX}not-found",
        "title": NotFound.title,
        "status": 404,
        "retry": False,
    }
    body = TooManyRequests("Wait a minute.", retry_after_seconds=60, limit=5).body()
    assert (body["detail"], body["limit"], body["retry"]) == ("Wait a minute.", 5, True)
