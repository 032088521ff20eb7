"""The data folder of an earlier release, stored beside these tests, and a description of its contents."""

import json
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

from darkroom_shared.ids import AlbumId, ExportId, ItemId

ARCHIVE = Path(__file__).with_name("data-folder-2e8417d.tar.xz")
"""Made once by `python -m tests.upgrade.make_data_folder`."""
OWNER, MEMBER, PASSWORD = "owner@example.com", "member@example.com", "a long enough password"
SHARE_PASSWORD = "open sesame"


@dataclass(frozen=True, slots=True)
class Contents:
    """Ids in the data folder: items by the state or kind that they represent, and share links by token.

    `transferred` is an album that the owner transferred to the member, whose item `member` is in it, with originals
    allowed, the link `transferred` and the open `invitation`, a token.
    """

    items: dict[str, ItemId]
    digests: dict[str, str]
    album: AlbumId
    transferred: AlbumId
    invitation: str
    export: ExportId
    shares: dict[str, str]

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def unpack_data(folder: Path) -> Contents:
    """Extract the archive into `folder`, which must not exist."""
    folder.mkdir(mode=0o700)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="tar")
    return Contents(**json.loads((folder / "contents.json").read_text()))
