"""`darkroom up` with every real part: started, parts killed in turn, stopped and restarted."""

import asyncio
import json
import os
import signal
import ssl
import sys
from datetime import datetime
from pathlib import Path

import httpx

from app.jobs.queueing import FIRST_RESEND
from darkroom_client.client import DarkroomClient
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemState
from local.startup_error import ExitCode
from tests.drills.people import a_photo
from tests.local.up.darkroom import Running, environment, running, three_free_ports
from tests.local.up.sample_parts import runs, until
from tests.servers import running_valkey

PARTS = {"valkey", "emulator", "tables", "objects", "edge", "app", "worker", "web"}
PERSON = {"email": "ada@example.org", "password": "correct horse battery"}
PLENTY_SECONDS = 240


async def a_session(base_url: str, trust: ssl.SSLContext | bool = True) -> tuple[int, str]:
    """Register if the user is new, and sign in. Return the registration's status and the account's id."""
    async with httpx.AsyncClient(base_url=base_url, verify=trust, trust_env=False, timeout=60) as client:
        registered = await client.post("/v1/accounts", json=PERSON)
        signed_in = await client.post("/v1/sessions", json=PERSON)
        token = signed_in.json()["token"]
        account = await client.get("/v1/account", headers={"Authorization": f"Bearer {token}"})
    identity: str = account.json()["id"]
    return registered.status_code, identity


async def test_a_folder_has_one_process_at_a_time_and_survives_ctrl_c(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", three_free_ports()
    async with running(folder, port) as first:
        await first.until_ready()
        processes = first.pids()
        assert processes.keys() == PARTS | {"watchdog"}
        status, account = await a_session(f"http://127.0.0.1:{port}")
        assert status == 201
        async with running(folder, port) as other:
            assert f"process {first.process.pid}:" in await other.until_printed("is in use by process")
            assert await other.process.wait() == ExitCode.CANNOT_START
        assert await first.stop() == 0
    assert not any(runs(pid) for pid in processes.values())
    assert folder.stat().st_mode & 0o077 == 0
    async with running(folder, port) as second:
        await second.until_ready()
        assert await a_session(f"http://127.0.0.1:{port}") == (409, account)
        assert await second.stop(signal.SIGTERM) == 0


async def test_killing_all_processes_drops_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", three_free_ports()
    async with running(folder, port) as first:
        await first.until_ready()
        _, account = await a_session(f"http://127.0.0.1:{port}")
        processes = first.pids()
        all_pids = descendants(first.process.pid)
        assert set(processes.values()) < set(all_pids), "the worker has children of its own"
        os.kill(processes["worker"], signal.SIGSTOP)  # so that the photo is still waiting
        photo = await upload(f"http://127.0.0.1:{port}", tmp_path)
        first.process.kill()
        await first.process.wait()
        await until(lambda: not any(runs(pid) for pid in all_pids))
    async with running(folder, port) as second:
        await second.until_ready()
        assert await a_session(f"http://127.0.0.1:{port}") == (409, account)
        sent = await sent_until_ready(f"http://127.0.0.1:{port}", photo)
        assert sent[1] - sent[0] < FIRST_RESEND, (
            "a message that the emulator lost does not wait for the sweeper's next tick"
        )
        assert await second.stop() == 0


async def upload(base_url: str, folder: Path) -> ItemId:
    file = folder / "photo.jpg"
    await asyncio.to_thread(file.write_bytes, a_photo())
    async with DarkroomClient(base_url) as client:
        await client.sessions.sign_in(**PERSON)
        return (await client.upload(file)).item.id


async def sent_until_ready(base_url: str, item: ItemId) -> list[datetime]:
    """Return the times at which the item was sent to its lane, once it is ready."""
    async with DarkroomClient(base_url) as client, asyncio.timeout(PLENTY_SECONDS):
        await client.sessions.sign_in(**PERSON)
        while (await client.items.require(item)).state is not ItemState.READY:  # noqa: ASYNC110  other processes
            await asyncio.sleep(0.2)
        return [step.at for step in (await client.items.receipt(item)).steps if step.step == "sent"]


async def test_each_killed_part_is_restarted_and_everything_works_again(tmp_path: Path) -> None:
    port = three_free_ports()
    async with running(tmp_path, port) as darkroom:
        await darkroom.until_ready()
        _, account = await a_session(f"http://127.0.0.1:{port}")
        for part in sorted(PARTS):
            await kill(darkroom, part)
        assert await a_session(f"http://127.0.0.1:{port}") == (409, account)
        assert darkroom.pids().keys() == PARTS | {"watchdog"}
        assert await darkroom.stop() == 0


async def kill(darkroom: Running, part: str) -> None:
    os.kill(darkroom.pids()[part], signal.SIGKILL)
    assert "killed by SIGKILL" in await darkroom.until_printed(f"{part} failed")
    await darkroom.until_printed(f"{part} is ready again")


async def test_an_external_redis_is_used_and_none_is_started(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with running_valkey(tmp_path / "redis") as url:
        async with running(tmp_path / "data", three_free_ports(), DARKROOM_REDIS_URL=url) as darkroom:
            await darkroom.until_ready()
            assert darkroom.pids().keys() == PARTS - {"valkey"} | {"watchdog"}
            await a_session(f"http://127.0.0.1:{darkroom.port}")
            assert await darkroom.stop() == 0


async def test_https_with_our_own_certificate_serves_page_objects_and_edge(tmp_path: Path) -> None:
    port = three_free_ports()
    async with running(tmp_path, port, DARKROOM_TLS="self", DARKROOM_HOST="localhost") as darkroom:
        await darkroom.until_printed(f"Darkroom is ready at https://localhost:{port}\n")
        trust = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
        async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=60) as client:
            for each in (port, port + 1, port + 2):
                assert (await client.get(f"https://localhost:{each}/readyz")).status_code == 200
        status, _ = await a_session(f"https://localhost:{port}", trust)
        assert status == 201
        assert await darkroom.stop() == 0


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [each for child in children for each in descendants(child)]


async def test_a_network_installation_closes_registration_and_creates_accounts_by_command(
    tmp_path: Path,
) -> None:
    folder, port = tmp_path / "data", three_free_ports()
    async with running(folder, port, DARKROOM_HOST="darkroom.test") as lan:
        await lan.until_printed("darkroom admin create-account")
        await lan.until_printed("Darkroom is ready at http://darkroom.test")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", trust_env=False, timeout=60) as client:
            assert (await client.post("/accounts", json=PERSON)).status_code == 403
            await create_account(folder, PERSON)
            assert (await client.post("/sessions", json=PERSON)).json()["account"]["administrator"]
            assert (await client.post("/accounts", json=PERSON | {"email": "eve@example.org"})).status_code == 403
        assert await lan.stop() == 0


async def create_account(folder: Path, person: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "create-account", person["email"], "--administrator"),
        env=environment(folder, 0) | json.loads((folder / "app.json").read_text()),
        stdin=asyncio.subprocess.PIPE,
    )
    await process.communicate(f"{person['password']}\n".encode())
    assert process.returncode == 0
