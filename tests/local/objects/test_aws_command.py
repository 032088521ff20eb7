"""The `aws` command as an independent client: it proves that the store implements S3 and not only our reading of it."""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from tests.local.objects.stores import ACCESS_KEY_ID, MEBIBYTE, REGION, SECRET_ACCESS_KEY, Store

AWS = Path(sys.prefix) / "bin" / "aws"
COMMAND_SECONDS = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without profiles and with only these settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


async def aws(store: Store, environment: dict[str, str], *words: str) -> str:
    """Run the command and return its output. Fails the test if the command fails."""
    process = await asyncio.create_subprocess_exec(
        AWS, "--endpoint-url", store.endpoint, *words, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(COMMAND_SECONDS):
        printed, message = await process.communicate()
    assert process.returncode == 0, message.decode()
    return printed.decode()


async def test_a_large_file_is_uploaded_and_downloaded_unchanged(
    store: Store, environment: dict[str, str], bucket: str, tmp_path: Path
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(20 * MEBIBYTE + 17))  # above 8 MiB the command sends and fetches parts
    await aws(store, environment, "s3", "cp", "--no-progress", str(there), f"s3://{bucket}/film/a b.mp4")
    listed = await aws(store, environment, "s3", "ls", f"s3://{bucket}/film/")
    assert listed.split(maxsplit=2)[2:] == [f"{there.stat().st_size} a b.mp4\n"]
    await aws(store, environment, "s3", "cp", "--no-progress", f"s3://{bucket}/film/a b.mp4", str(back))
    assert back.read_bytes() == there.read_bytes()


async def test_a_folder_is_synced_listed_and_removed(
    store: Store, environment: dict[str, str], bucket: str, tmp_path: Path
) -> None:
    names = ["1.jpg", "deep/2.jpg", "deep/ü 3.jpg"]
    for name in names:
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    folder = str(tmp_path / "photos")
    await aws(store, environment, "s3", "sync", "--no-progress", folder, f"s3://{bucket}/photos")
    assert await aws(store, environment, "s3", "sync", folder, f"s3://{bucket}/photos") == ""
    listed = await aws(store, environment, "s3", "ls", "--recursive", f"s3://{bucket}")
    assert [line.split(maxsplit=3)[3] for line in listed.splitlines()] == [f"photos/{name}" for name in names]
    assert (await aws(store, environment, "s3", "ls", f"s3://{bucket}/photos/")).split()[:2] == ["PRE", "deep/"]
    await aws(store, environment, "s3", "rm", "--recursive", f"s3://{bucket}/photos")
    await aws(store, environment, "s3", "rb", f"s3://{bucket}")


async def test_its_presigned_urls_are_accepted(
    store: Store, environment: dict[str, str], bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"presigned")
    await aws(store, environment, "s3", "cp", "--no-progress", str(tmp_path / "a"), f"s3://{bucket}/a")
    await aws(store, environment, "configure", "set", "default.s3.signature_version", "s3v4")
    url = (await aws(store, environment, "s3", "presign", f"s3://{bucket}/a", "--expires-in", "60")).strip()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        assert (await http.get(url)).content == b"presigned"


async def test_a_small_object_is_copied_and_moved(
    store: Store, environment: dict[str, str], bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"copied")
    await aws(store, environment, "s3", "cp", "--no-progress", str(tmp_path / "a"), f"s3://{bucket}/a")
    await aws(store, environment, "s3", "cp", f"s3://{bucket}/a", f"s3://{bucket}/b")
    await aws(store, environment, "s3", "mv", f"s3://{bucket}/b", f"s3://{bucket}/c")
    listed = await aws(store, environment, "s3", "ls", f"s3://{bucket}")
    assert [line.split()[3] for line in listed.splitlines()] == ["a", "c"]
