"""Every entry in the list of the emulator's gaps names an existing test, so that a stale name excludes none."""

from pathlib import Path

from tests.local.objects.emulator_gaps import GAPS


def test_every_gap_names_a_test() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in GAPS if f"def {name}(" not in sources] == []
