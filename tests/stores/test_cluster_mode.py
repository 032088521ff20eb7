"""A Redis with cluster mode is refused at the start, in one line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.serving import serve
from app.stores.cluster_mode import ClusterMode, refuse_cluster_mode
from app.worker.main import main
from tests.servers import free_port, running, valkey_command
from tests.services import Stores


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [*valkey_command(port, tmp_path), "--cluster-enabled", "yes"]
    with running(command, "Ready to accept connections"):
        yield f"redis://127.0.0.1:{port}/0"


async def test_only_cluster_mode_is_refused(clustered: str, valkey_url: str) -> None:
    with pytest.raises(ClusterMode):
        await refuse_cluster_mode(clustered, None)
    await refuse_cluster_mode(valkey_url, None)
    await refuse_cluster_mode("redis://127.0.0.1:1/0", None)


@pytest.mark.parametrize("start", [serve, main], ids=["serve", "worker"])
def test_a_process_does_not_start_on_it(clustered: str, stores: Stores, start: object) -> None:
    settings = stores.settings(redis_url=clustered, worker_roles=frozenset({"maintenance"}))
    with pytest.raises(SystemExit, match="cluster mode enabled") as ended:
        start(settings)  # type: ignore[operator]
    assert "\n" not in str(ended.value)
