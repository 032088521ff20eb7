"""Every entry in the lists of the emulator's gaps names an existing test.

The suites that use the lists are in the full tier; a test that is renamed must fail earlier.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.local.objects import emulator_gaps as objects
from tests.local.tables import emulator_gaps as tables

LOCAL = Path(__file__).parents[1] / "local"


@pytest.mark.parametrize(("suite", "gaps"), [("objects", objects.GAPS), ("tables", tables.GAPS)])
def test_every_gap_names_a_test(suite: str, gaps: Mapping[str, str]) -> None:
    sources = "".join(path.read_text() for path in (LOCAL / suite).glob("test_*.py"))
    assert [name for name in gaps if f"def {name.partition('[')[0]}(" not in sources] == []
