"""The check of words reports each kind of place, respects its exceptions and accepts other libraries' terms."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CHECK = PROJECT / ".ci/check_words.py"


def check(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(CHECK), str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603, our own words


def check_text(folder: Path, text: str, file: str = "app/module.py") -> "subprocess.CompletedProcess[str]":
    write(folder, text, file)
    return check(folder)


def write(folder: Path, text: str, file: str) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


REFUSED = [
    ("def ask() -> None: ...", '1: definition: "ask" in ask: write'),
    ("\nclass PromptTelling: ...", '2: definition: "telling" in PromptTelling: write'),
    ("MOST_ROWS = 5", '1: definition: "most" in MOST_ROWS: write max_'),
    ("def read(film: str) -> None: ...", '1: definition: "film" in film: write video'),
    ("read = lambda film: film", '1: definition: "film" in film: write video'),
    ("def read() -> None:\n    found = 1", '2: definition: "found" in found: write'),
    ("class Row:\n    shown: int", '2: definition: "shown" in shown: write'),
    (
        "class Row:\n    def __init__(self) -> None:\n        self._news = 1",
        '3: definition: "news" in _news: write',
    ),
    ("import ssl as house", '1: definition: "house" in house: write services'),
    ("try: ...\nexcept OSError as died: ...", '2: definition: "died" in died: write'),
    ("class ShortWay: ...", '1: definition: "short way" in ShortWay: write'),
    ("def test_at_most_two() -> None: ...", '1: test: "most" in test_at_most_two: write max_'),
    ("def test_nobody_reads() -> None: ...", '1: test: "nobody" in test_nobody_reads: write'),
    ('"""One line.\n\nThe caller\nis told.\n"""', '4: prose: "is told" in `is told.`: write'),
    ('log.info("album.shown")', '1: label: "shown" in album.shown: write to_wire'),
    ('log.info("step.began", step="pass_on")', '1: label: "pass on" in pass_on: write retry_on_conflict'),
    ('log.info("album.read", whose=1)', '1: label: "whose" in whose: write shared'),
    ('with steps.step("bury"): ...', '1: label: "bury" in bury: write semaphore'),
    ('loop = run_periodically("patrol", 1)', '1: label: "patrol" in patrol: write poll'),
    ('rows = albums.alias("owners_seat")', '1: label: "seat" in owners_seat: write access'),
    ('metric = Counter("darkroom_answers", "How many answers.")', '1: label: "answers" in darkroom_answers: write'),
    ('metric = Counter("darkroom_jobs", "Jobs.", ("film",))', '1: label: "film" in film: write video'),
    ('mark.parametrize("a", [1, 2], ids=["found", "absent"])', '1: label: "found" in found: write'),
    ('pytest.param(1, id="shown")', '1: label: "shown" in shown: write'),
    ("# The crash report says so", '1: prose: "says so" in'),
    ("# The row\nrow = 1  # lies in the table", '2: prose: "lies in" in'),
    ('row = Column("id", comment="somebody\'s row")', '1: prose: "somebody" in `somebody\'s row`: write a caller'),
    ('assert row, "nobody has it"', '1: prose: "nobody" in `nobody has it`: write a caller'),
    ('assert row, f"nobody has {row}"', '1: prose: "nobody" in `nobody has`: write a caller'),
    ("all_given = 1", '1: definition: "given" in all_given: write row'),
    ("def test_it_is_kept_until_then() -> None: ...", '1: test: "kept" in test_it_is_kept_until_then: write max_'),
]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    """The check of a folder with a module for each refused text."""
    folder = tmp_path_factory.mktemp("refused")
    for number, (text, _finding) in enumerate(REFUSED):
        write(folder, text, f"app/module_{number}.py")
    return check(folder)


@pytest.mark.parametrize(("number", "finding"), list(enumerate(finding for _text, finding in REFUSED)))
def test_a_refused_word_is_reported_with_its_line(
    refused: "subprocess.CompletedProcess[str]", number: int, finding: str
) -> None:
    assert f"app/module_{number}.py:{finding}" in refused.stdout
    assert refused.returncode == 1


def test_names_of_folders_are_checked(tmp_path: Path) -> None:
    write(tmp_path, '"""Module."""', "tests/guest_book/test_rows.py")
    result = check_text(tmp_path, '"""Module."""', "tests/guest_book/newest/test_rows.py")
    assert 'tests/guest_book/:1: file: "guest" in guest_book: write' in result.stdout
    assert "words to replace: 1 (definition 0, test 0, file 1, label 0, prose 0)" in result.stdout
    assert result.returncode == 1


def test_text_files_are_checked_except_locks(tmp_path: Path) -> None:
    files = ("tests/app/table.txt", "settings.toml", "requirements/run.in", "tests/make.sh")
    for file in (*files, "requirements/run.txt"):
        write(tmp_path, "# The columns:\n# what nobody gets\n", file)
    result = check(tmp_path)
    for file in files:
        assert f'{file}:2: prose: "nobody" in `# what nobody gets`: write' in result.stdout
    assert "words to replace: 4 " in result.stdout


def test_file_names_and_documents_are_checked(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/API.md").write_text("# API\n\nThe caller is\ntold.\n")
    (tmp_path / "README.md").write_text("Nobody reads it.\n")
    result = check_text(tmp_path, '"""Module."""', "tests/guest_book.py")
    assert 'tests/guest_book.py:1: file: "guest" in guest_book.py: write' in result.stdout
    assert 'docs/API.md:3: prose: "is\ntold" in' in result.stdout
    assert 'README.md:1: prose: "Nobody" in' in result.stdout
    assert "words to replace: 3 (definition 0, test 0, file 1, label 0, prose 2)" in result.stdout


def test_installed_packages_are_not_checked_where_there_is_no_repository(tmp_path: Path) -> None:
    installed = tmp_path / ".venv/lib/package.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("def told() -> None: ...")
    (tmp_path / ".venv/pyvenv.cfg").touch()
    result = check_text(tmp_path, '"""Module."""')
    assert (result.returncode, result.stdout.startswith("words to replace: 0")) == (0, True)


def test_a_machine_without_git_checks_the_same_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = check_text(tmp_path, "def told() -> None: ...")
    assert (result.returncode, result.stderr) == (1, "")
    assert 'app/module.py:1: definition: "told" in told' in result.stdout


ACCEPTED = [
    ("class NotFound(Exception): ...", "app/module.py"),
    ("class ResourceNotFoundException(Exception): ...", "local/module.py"),
    ("class P:\n    def connection_lost(self, exc: Exception | None) -> None: ...", "app/module.py"),
    ("from sqlalchemy import ForeignKey\ncolumn = ForeignKey('a.b')", "app/module.py"),
    (
        "from hypothesis import given, strategies\n\n\n@given(strategies.text())\ndef test_any(text: str): ...",
        "tests/module.py",
    ),
    ("class Row:\n    lost_attempts: int", "app/module.py"),
    ("class Row:\n    kept_until: str", "app/exports/schema.py"),
    ("class Cursor:\n    wanted: int", "app/events/schema/values.py"),
    ('metric = Gauge("darkroom_jobs", "Jobs that nobody has found.")', "app/module.py"),
    ('raise ValueError("nothing was found")', "app/module.py"),
    ('log.info("claim.lost", step=name)', "app/module.py"),
    ("response = client.ask()  # a name of another library", "app/module.py"),
    ('"""Module."""', "bench/machine.py"),
    ("almost = askew = storytelling = background = 1", "app/module.py"),
]


def test_terms_of_libraries_and_exceptions_pass(tmp_path: Path) -> None:
    for number, (text, file) in enumerate(ACCEPTED):
        write(tmp_path, text, file.replace("module", f"module_{number}"))
    result = check(tmp_path)
    assert result.stdout == "words to replace: 0 (definition 0, test 0, file 0, label 0, prose 0)\n"
    assert result.returncode == 0


def test_an_exception_applies_to_its_files_only(tmp_path: Path) -> None:
    assert check_text(tmp_path, "class Cursor:\n    wanted: int", "app/access/store/albums.py").returncode == 1


EXCEPTED = """
refused = [{names = ["told"], prose = ["somebody"], write = "published"}]
exception = [{name = "told", where = "app/*", reason = "stored"}, {name = "somebody", reason = "a title"}]
"""


@pytest.mark.parametrize(
    ("text", "unneeded"),
    [
        ("# somebody\ntold = 1", []),
        ("# somebody", ['the exception "told" (app/*) allows no word']),
        ("told = 1", ['the exception "somebody" (*) allows no word']),
    ],
    ids=["both needed", "name unneeded", "prose unneeded"],
)
def test_an_exception_that_allows_no_word_of_its_project_is_reported(
    tmp_path: Path, text: str, unneeded: list[str]
) -> None:
    write(tmp_path, EXCEPTED, ".ci/words.toml")
    write(tmp_path, text, "app/module.py")
    own = Path(shutil.copy(CHECK, tmp_path / ".ci"))
    ended = subprocess.run([sys.executable, str(own), str(tmp_path)], capture_output=True, text=True, check=False)  # noqa: S603, our own words
    assert [line.removeprefix("words.toml: ").split(":")[0] for line in ended.stdout.splitlines()[:-1]] == unneeded
    assert ended.returncode == bool(unneeded)


def test_an_exception_allows_no_other_word_of_the_name(tmp_path: Path) -> None:
    assert '1: definition: "asks" in lost_attempt_asks: write' in check_text(tmp_path, "lost_attempt_asks = 1\n").stdout


def test_a_name_is_reported_once_per_file(tmp_path: Path) -> None:
    assert "words to replace: 1 " in check_text(tmp_path, "found = 1\nfound = 2\n").stdout


def test_scopes_can_be_selected(tmp_path: Path) -> None:
    check_text(tmp_path, "# whoever reads\nfound = 1\n")
    assert "words to replace: 1 (prose 1)" in check(tmp_path, "--counts", "--scopes", "prose").stdout
