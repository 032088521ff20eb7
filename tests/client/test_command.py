"""The `darkroom` command from its user's view: output and exit codes."""

import json
from pathlib import Path

from darkroom_shared.ids import new_item_id
from darkroom_shared.items import MAX_DELETED_PER_REQUEST
from tests.client.conftest import PASSWORD, ScriptedAccount, random_file

CLOSED_PORT = "http://127.0.0.1:9"


def test_help_names_the_commands_and_the_exit_codes(other_account: ScriptedAccount) -> None:
    done = other_account.run("--help")
    assert done.returncode == 0
    for word in ("upload", "receipt", "DARKROOM_PASSWORD", "130  interrupted", "3    the server is not reachable"):
        assert word in done.stdout


def test_a_usage_error_exits_with_2(other_account: ScriptedAccount) -> None:
    assert other_account.run("frobnicate").returncode == 2
    assert other_account.run("list", "--limit", "0").returncode == 2
    assert other_account.run("status", "../../v1/account").returncode == 2
    assert other_account.run("list", "--url", "ftp://example.com").returncode == 2
    assert other_account.run("login").returncode == 2


def test_a_wrong_id_is_named_with_the_command_that_lists_the_right_ones(other_account: ScriptedAccount) -> None:
    assert "'itm_x' is not an item's id; `darkroom list` shows them" in other_account.run("status", "itm_x").stderr
    assert (
        "'x' is not a session; `darkroom sessions` shows them" in other_account.run("sessions", "--revoke", "x").stderr
    )
    assert "'exp_1' is not an export's id" in other_account.run("export", "exp_1").stderr


def test_registering_signs_in_and_signing_out_deletes_the_session(service_url: str, tmp_path: Path) -> None:
    account = ScriptedAccount(service_url, f"{tmp_path.name}@example.com", tmp_path)
    done = account.run("register", "--email", account.email, DARKROOM_PASSWORD=PASSWORD)
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, f"Signed in to {service_url} as {account.email}.\n")
    saved = tmp_path / "config" / "darkroom" / "credentials.json"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert account.run("list").returncode == 0
    assert account.run("logout").returncode == 0
    assert account.run("list").returncode == 4
    assert account.run("register", "--email", account.email, DARKROOM_PASSWORD=PASSWORD).returncode == 1


def test_the_environment_replaces_a_saved_sign_in_and_stores_nothing(other_account: ScriptedAccount) -> None:
    done = other_account.run("list", DARKROOM_EMAIL=other_account.email, DARKROOM_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert not (other_account.home / "config").exists()
    assert other_account.record()["requests"][-1]["request"] == "DELETE /v1/sessions/current"


def test_a_wrong_password_or_an_ended_session_exits_with_4_and_one_line(account: ScriptedAccount) -> None:
    wrong = account.run("login", DARKROOM_EMAIL=account.email, DARKROOM_PASSWORD="something else")
    assert (wrong.returncode, wrong.stderr) == (4, "darkroom: Address or password are not right.\n")
    account.script(drop_sessions=True)
    dead = account.run("list")
    assert dead.returncode == 4
    assert dead.stderr == f"darkroom: the session at {account.url} has ended; run `darkroom login`\n"


def test_an_unreachable_server_exits_with_3_and_one_line(account: ScriptedAccount, tmp_path: Path) -> None:
    photo = random_file(tmp_path / "a.jpg", 1_000)
    for words in (("list",), ("upload", str(photo))):
        done = account.run(*words, DARKROOM_URL=CLOSED_PORT, DARKROOM_EMAIL="a@example.com", DARKROOM_PASSWORD=PASSWORD)
        assert done.returncode == 3
        assert done.stderr.startswith(f"darkroom: {CLOSED_PORT} cannot be reached")
        assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_darkroom_exits_with_3(account: ScriptedAccount) -> None:
    page = {"request": "GET /v1/items", "status": 200, "headers": {"content-type": "text/html"}}
    account.script(responses=[page])
    assert account.run("list").returncode == 3


def test_items_are_listed_displayed_edited_cancelled_and_deleted(account: ScriptedAccount, tmp_path: Path) -> None:
    photo = random_file(tmp_path / "photo.jpg", 1_000)
    (uploaded,) = account.lines("upload", photo, "--caption", "At the lake")
    item = uploaded["item"]["id"]
    assert uploaded["outcome"] == "uploaded"
    assert account.lines("list")[0]["caption"] == "At the lake"
    assert "photo.jpg" in account.run("list", "--order", "captured", "--limit", "1").stdout
    assert account.lines("edit", item, "--caption", "")[0]["caption"] == ""
    assert "digest:" in account.run("status", item).stdout
    assert account.lines("receipt", item)[0]["step"] == "created"
    too_late = account.run("cancel", item)
    assert (too_late.returncode, too_late.stderr) == (1, f"darkroom: {item}: The item is ready.\n")
    assert account.run("delete", item).stdout == f"{item}: deleted\n"
    assert account.run("status", item).returncode == 1
    assert account.lines("list") == []


def test_deleted_items_are_listed_separately_and_can_be_restored_until_purged(
    account: ScriptedAccount, tmp_path: Path
) -> None:
    (uploaded,) = account.lines("upload", random_file(tmp_path / "photo.jpg", 1_000))
    item, absent = uploaded["item"]["id"], "itm_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    done = account.run("delete", absent, item)
    assert (done.returncode, done.stdout) == (1, f"{item}: deleted\n")
    assert done.stderr.startswith(f"darkroom: {absent}: There is no such thing")
    assert [each["id"] for each in account.lines("list", "--deleted")] == [item]
    assert account.lines("restore", item)[0]["state"] == "ready"
    assert account.run("list", "--deleted").stdout == "Nothing to restore.\n"
    assert account.lines("delete", "--permanently", item) == [{"id": item, "state": "deleted"}]
    assert account.run("restore", item).returncode == 1


def test_many_items_are_deleted_in_several_requests(account: ScriptedAccount) -> None:
    absent = [new_item_id() for _ in range(MAX_DELETED_PER_REQUEST + 1)]
    done = account.run("delete", *absent)
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == absent
    requested = [each["request"] for each in account.record()["requests"]]
    assert requested.count("POST /v1/items/delete") == 2


def test_erasing_an_account_requires_its_password_and_a_confirmation(account: ScriptedAccount) -> None:
    unsure = account.run("account", "erase")
    assert (unsure.returncode, unsure.stdout) == (2, "")
    wrong = account.run("account", "erase", "--yes", DARKROOM_PASSWORD="not the password")
    assert (wrong.returncode, wrong.stderr) == (1, "darkroom: The password is wrong.\n")
    done = account.run("account", "erase", "--yes", DARKROOM_PASSWORD=PASSWORD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is closed" in done.stdout
    assert account.run("list").returncode == 4


def test_a_failure_of_one_item_does_not_stop_the_rest(account: ScriptedAccount, tmp_path: Path) -> None:
    (uploaded,) = account.lines("upload", random_file(tmp_path / "a.jpg", 10))
    absent = "itm_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    done = account.run("status", absent, uploaded["item"]["id"], "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["name"] == "a.jpg"
    assert done.stderr.startswith(f"darkroom: {absent}: ")


def test_the_overview_is_an_outline(account: ScriptedAccount) -> None:
    done = account.run("overview")
    assert (
        done.stdout
        == "items past deadline:  0\nlanes:\n  express:\n    waiting:  3\nworkers:\n  - name one, busy yes\n"
    )


def test_events_are_printed_unchanged_and_immediately(account: ScriptedAccount, tmp_path: Path) -> None:
    account.lines("upload", random_file(tmp_path / "a.jpg", 10))
    assert [event["type"] for event in account.lines("events")] == ["item.created", "item.ready"]
    assert [event["number"] for event in account.lines("events", "--after", "1")] == [2]
    with account.started("events", "--follow", "--after", "1", "--json") as watching:
        assert json.loads(watching.stdout.readline())["number"] == 2
        account.lines("upload", random_file(tmp_path / "b.jpg", 11))
        assert json.loads(watching.stdout.readline())["type"] == "item.created"


def test_status_reports_the_progress_of_videos(account: ScriptedAccount) -> None:
    with account.started("events", "--follow", "--progress", "--json") as watching:
        assert json.loads(watching.stdout.readline())["percent"] == 50
    with account.started("events", "--follow", "--progress") as watching:
        assert watching.stdout.readline().rstrip().endswith("50 %")


def test_the_status_of_a_video_lists_duration_and_renditions(account: ScriptedAccount, tmp_path: Path) -> None:
    (uploaded,) = account.lines("upload", random_file(tmp_path / "lake.mp4", 10))
    output = account.run("status", uploaded["item"]["id"]).stdout
    facts = dict(line.split(":", 1) for line in output.splitlines() if not line.startswith("rendition"))
    assert facts["length"].strip() == "1:23"
    assert facts["playable"].strip() == "yes"
    assert "video: 640 x 360 video/mp4, 70.0 KB" in output
    assert "storyboard_track: text/vtt, 400 B" in output


def test_expired_events_are_skipped_unless_requested(account: ScriptedAccount, tmp_path: Path) -> None:
    account.lines("upload", random_file(tmp_path / "a.jpg", 10))
    account.script(oldest_event=2)
    assert [event["number"] for event in account.lines("events")] == [2]
    assert account.run("events", "--after", "0").returncode == 1
    for after, remark in (
        ("0", "Some events are no longer kept; continuing after number 2.\n"),
        ("99", "There are only 2 events so far; continuing after them.\n"),
    ):
        with account.started("events", "--follow", "--after", after) as watching:
            assert watching.stderr.readline() == remark


def test_a_plugin_that_cannot_be_loaded_breaks_only_its_own_command(
    other_account: ScriptedAccount, tmp_path: Path
) -> None:
    package = tmp_path / "broken-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[darkroom.commands]\nbroken = no_such_module:register\n")
    path = str(tmp_path)
    assert other_account.run("list", PYTHONPATH=path).returncode == 4
    assert "broken" in other_account.run("--help", PYTHONPATH=path).stdout
    done = other_account.run("broken", "--anything", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == (
        "darkroom: the command `broken` is not available: ModuleNotFoundError: No module named 'no_such_module'\n"
    )


def test_items_are_searched_by_their_attributes(account: ScriptedAccount, tmp_path: Path) -> None:
    for name, caption, size in (("one.jpg", "At the lake", 1_000), ("two.jpg", "At sea", 1_001)):
        account.lines("upload", random_file(tmp_path / name, size), "--caption", caption)
    assert [each["name"] for each in account.lines("search", "At", "sea")] == ["two.jpg"]
    assert "one.jpg" in account.run("search", "lake", "--from", "2026-01-01", "--camera", "R6").stdout
    nothing = account.run("search", "--kind", "video", "mountain")
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing found.\n")
    assert account.run("search", "--from", "yesterday").returncode == 2
