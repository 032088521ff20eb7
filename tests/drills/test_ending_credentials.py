"""The credentials that sign presigned URLs end in the middle of an upload: no byte that S3 has is sent again."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_shared.items import ItemState
from tests.client.conftest import random_file
from tests.drills.installation import PASSWORD, Installation, Rule, inject, injected
from tests.drills.people import LONG_RETRIES, Person
from tests.drills.processes import DRILL_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

LIFETIME_SECONDS = 2
PART_BYTES = 16 * 1024 * 1024
PARTS = 6

PROCESS = """
import json, sys, time
ends = int(time.time()) + int(sys.argv[3])
moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
print(json.dumps({
    "Version": 1, "AccessKeyId": sys.argv[1], "SecretAccessKey": sys.argv[2], "SessionToken": f"until-{ends}",
    "Expiration": moment,
}))
"""


def ending_credentials(installation: Installation, folder: Path) -> dict[str, str]:
    """Return the environment of an app whose credentials, like a role's, are replaced before they end."""
    key, secret = installation.app["AWS_ACCESS_KEY_ID"], installation.app["AWS_SECRET_ACCESS_KEY"]
    (folder / "process.py").write_text(PROCESS)
    command = f"{sys.executable} {folder / 'process.py'} {key} {secret} {LIFETIME_SECONDS}"
    (folder / "config").write_text(f"[default]\ncredential_process = {command}\n")
    # The environment would come first; an empty variable counts as absent.
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": str(folder / "config")}


async def test_an_upload_in_parts_outlasts_the_credentials_that_sign_its_urls(
    installation: Installation, processes: Processes, person: Person, tmp_path: Path
) -> None:
    app = processes.app(**ending_credentials(installation, tmp_path))
    await app.ready()
    web = processes.web(app)
    await web.ready()
    # The parts at the end of the first hundred URLs are sent after their token has ended.
    await inject(installation.objects, Rule("UploadPart", "latency", seconds=LIFETIME_SECONDS / 2))
    async with DarkroomClient(web.url, retries=LONG_RETRIES) as client:
        await client.sessions.sign_in(person.email, PASSWORD)
        began_at = datetime.now(UTC)
        uploaded = await client.upload(random_file(tmp_path / "film.mp4", PARTS * PART_BYTES))
        stored = await client.items.require(uploaded.item.id)
    assert uploaded.sent_bytes == PARTS * PART_BYTES
    assert (stored.state, stored.size_bytes) == (ItemState.QUEUED, PARTS * PART_BYTES)
    assert (datetime.now(UTC) - began_at).total_seconds() > LIFETIME_SECONDS
    assert await injected(installation.objects) > PARTS, "no URL had ended before its part was sent"
