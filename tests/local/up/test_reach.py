"""Another user of the machine, a page of another origin and a rebound name reach no part.

One matrix covers every port on which a process of the installation listens: a new part without a check fails the
test.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.installation import Installation, running_installation
from tests.local.up.darkroom import three_free_ports
from tests.local.up.reach import as_another_user, descendants, exchange, listening_ports, request, status

HEALTH = ("/healthz", "/readyz")
REBOUND = "rebound.example.org"
PAGE = ("Origin: https://page.example.org", "Sec-Fetch-Site: cross-site", "Content-Type: text/plain")
FORM = "application/x-www-form-urlencoded"
DELETE_QUEUE = "/?Action=DeleteQueue&QueueUrl=http://127.0.0.1/000000000000/darkroom-express"
DYNAMO = ("X-Amz-Target: DynamoDB_20120810.ListTables", "Content-Type: application/x-amz-json-1.0")
UNPROVED = (
    "Authorization: AWS4-HMAC-SHA256 "
    "Credential=AKIA/20261128/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
)
PUBLIC = ("web", "objects", "edge")
OPERATOR = ("web's metrics", "app's metrics", "worker's metrics")
OPERATOR_VARIABLE = "DARKROOM_OPERATOR_PORT"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    operator_port = three_free_ports()
    folder = tmp_path_factory.mktemp("reach")
    with running_installation(folder, DARKROOM_OPERATOR_PORT=str(operator_port)) as installation:
        (folder / OPERATOR_VARIABLE).write_text(str(operator_port))
        yield installation


def operator_ports(installation: Installation) -> dict[int, str]:
    first = int((installation.folder.parent / OPERATOR_VARIABLE).read_text())
    return {first + index: part for index, part in enumerate(OPERATOR)}


def ports(installation: Installation) -> dict[int, str]:
    """Return every port on which the installation listens, with the part that it belongs to."""
    app = json.loads((installation.folder / "app.json").read_text())
    first = int(installation.url.rpartition(":")[2])
    named = {first: "web", first + 1: "objects", first + 2: "edge", port_of(app["DARKROOM_REDIS_URL"]): "valkey"}
    named |= {port_of(app["DARKROOM_SQS_ENDPOINT"]): "emulator", port_of(app["DARKROOM_DYNAMODB_ENDPOINT"]): "tables"}
    named |= operator_ports(installation)
    supervisor = int((installation.folder / "lock").read_text())
    return {port: named.get(port, "app or worker") for port in listening_ports(descendants(supervisor))}


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def test_the_matrix_covers_every_part(whole: Installation) -> None:
    results = sorted(ports(whole).values())
    parts = ("app or worker", "app or worker", "edge", "emulator", "objects", "tables", "valkey", "web", *OPERATOR)
    assert results == sorted(parts)


def test_the_operator_port_of_each_process_serves_its_metrics_and_nothing_else(whole: Installation) -> None:
    expected = {
        "web's metrics": {"darkroom_web_request_duration_seconds", "darkroom_web_refused", "darkroom_web_app_errors"},
        "app's metrics": {
            "darkroom_request_duration_seconds",
            "darkroom_database_connections_in_use",
            "darkroom_cache_reads",
            "darkroom_aws_errors",
        },
        "worker's metrics": {
            "darkroom_worker_jobs_in_progress",
            "darkroom_worker_attempts",
            "darkroom_lane_messages",
            "darkroom_worker_step_duration_seconds",
            "darkroom_lane_oldest_wait_seconds",
            "darkroom_database_waits",
            "darkroom_cache_reads",
        },
    }
    for port, part in operator_ports(whole).items():
        response = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
        scraped = {metric.name for metric in text_string_to_metric_families(response.text)}
        assert scraped >= expected[part] | {"darkroom_event_loop_lag_seconds", "process_cpu_seconds"}, part
        for target in ("/", "/healthz", "/v1/account", DELETE_QUEUE):
            assert status(exchange(port, request("GET", target, f"127.0.0.1:{port}"))) == 404


def test_no_serving_port_has_metrics(whole: Installation) -> None:
    for port, part in ports(whole).items():
        if part not in (*OPERATOR, "valkey"):
            response = exchange(port, request("GET", "/metrics", f"127.0.0.1:{port}"))
            assert b"darkroom_" not in response, part
            assert b"process_cpu" not in response, part


def test_another_user_of_the_machine_is_refused_by_every_inner_part(whole: Installation) -> None:
    inner = [port for port, part in ports(whole).items() if part not in (*PUBLIC, *OPERATOR, "valkey")]
    targets = [
        ("GET", DELETE_QUEUE),
        ("GET", "/v1/account"),
        ("POST", "/v1/accounts"),
        ("GET", "/metrics"),
        ("GET", "/"),
    ]
    sent = [
        (port, request(method, target, f"127.0.0.1:{port}", *lines, body="{}" if method == "POST" else ""))
        for port in inner
        for method, target in targets
        for lines in ((), (UNPROVED,), DYNAMO, ("X-Forwarded-For: 10.0.0.1", "X-Darkroom-Tier: guessed"))
    ]
    seen = as_another_user(sent)
    completed = [
        (port, head[:60], status(response)) for (port, head), response in zip(sent, seen.responses, strict=True)
    ]
    assert [each for each in completed if each[2] not in (403, 404)] == []
    assert [each for each in completed if each[2] == 404 and b"/metrics" in each[1]] == []


def test_another_user_of_the_machine_gets_nothing_signed_from_the_public_parts(whole: Installation) -> None:
    public = {part: port for port, part in ports(whole).items() if part in PUBLIC}
    sent = [
        (public["objects"], request("GET", "/darkroom", f"127.0.0.1:{public['objects']}")),
        (public["objects"], request("DELETE", "/darkroom", f"127.0.0.1:{public['objects']}")),
        (public["edge"], request("GET", "/renditions/a/b", f"127.0.0.1:{public['edge']}")),
    ]
    assert [status(response) for response in as_another_user(sent).responses] == [403, 403, 403]


def test_another_user_of_the_machine_is_refused_by_the_web_tier(whole: Installation) -> None:
    """Also before the first account exists, which becomes the administrator."""
    port = int(whole.url.rpartition(":")[2])
    host, body = f"127.0.0.1:{port}", json.dumps({"email": "eve@example.org", "password": "correct horse battery"})
    sent = [(port, request("GET", target, host)) for target in ("/", "/v1/account", *HEALTH)]
    sent.append((port, request("POST", "/v1/accounts", host, "Content-Type: application/json", body=body)))
    responses = as_another_user(sent).responses
    assert [status(response) for response in responses] == [403] * len(sent)
    assert all(b"DARKROOM_LOCAL_USERS" in response for response in responses)


def test_a_check_with_a_second_user_fails_without_root() -> None:
    """Otherwise the tests above would pass without a second user."""
    program = (
        "import os; from tests.local.up import unauthorised; os.setresuid(65534, 65534, 65534); unauthorised.main()"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], input='{"requests": [], "files": []}', capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "run the tests as root" in done.stderr


def test_valkey_refuses_writes_without_its_password(whole: Installation) -> None:
    [valkey] = [port for port, part in ports(whole).items() if part == "valkey"]
    commands = ("PING", "KEYS *", "SET session forged", "FLUSHALL", "CONFIG GET requirepass", "HELLO 3 AUTH default x")
    seen = as_another_user([(valkey, f"{command}\r\n".encode()) for command in commands])
    assert all(response.startswith((b"-NOAUTH", b"-WRONGPASS")) for response in seen.responses), seen.responses


def test_another_user_of_the_machine_reads_no_file_and_sees_no_secret(whole: Installation) -> None:
    files = [whole.folder, *whole.folder.rglob("*")]
    assert whole.folder / "keys.json" in files
    assert whole.folder / "scratch" in files
    assert as_another_user([], files).readable == []
    keys = json.loads((whole.folder / "keys.json").read_text())
    app = json.loads((whole.folder / "app.json").read_text())
    secrets = [keys["secret"], keys["secret_access_key"], app["DARKROOM_TIER_SECRET"], password_of(app)]
    supervisor = int((whole.folder / "lock").read_text())
    for pid in descendants(supervisor):
        command = Path(f"/proc/{pid}/cmdline").read_text()
        assert [secret for secret in secrets if secret in command] == []
    for log in (whole.folder / "logs").iterdir():
        assert [secret for secret in secrets if secret in log.read_text(errors="replace")] == [], log.name


def password_of(app: dict[str, str]) -> str:
    return app["DARKROOM_REDIS_URL"].partition("://:")[2].partition("@")[0]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("lines", [PAGE, PAGE[1:], (f"Content-Type: {FORM}",)], ids=["origin", "no origin", "form"])
def test_a_page_on_another_origin_reaches_no_part(whole: Installation, method: str, lines: tuple[str, ...]) -> None:
    for port, part in ports(whole).items():
        for target in (DELETE_QUEUE, "/v1/account", "/v1/sessions/current", "/darkroom", "/metrics"):
            response = exchange(
                port, request(method, target, f"127.0.0.1:{port}", *lines, body="a=b" if method == "POST" else "")
            )
            if part == "valkey":
                assert not response.startswith(b"+")
            elif part in OPERATOR and (target, method) == ("/metrics", "GET"):
                assert b"access-control" not in response.lower()
            elif part != "web" or target.startswith("/v1"):
                assert status(response) in (401, 403, 404, 405, 422), (part, target, response)
            assert b"access-control-allow-credentials" not in response.lower()


@pytest.mark.parametrize("lines", [PAGE, PAGE[:2], ()], ids=["text", "untyped", "bare"])
def test_a_page_on_another_origin_cannot_create_the_first_account(whole: Installation, lines: tuple[str, ...]) -> None:
    """The page may send any body, but cannot declare it as JSON."""
    port = int(whole.url.rpartition(":")[2])
    body = json.dumps({"email": "eve@example.org", "password": "correct horse battery"})
    response = exchange(port, request("POST", "/v1/accounts", f"127.0.0.1:{port}", *lines, body=body))
    assert status(response) == 422


@pytest.mark.parametrize("target", ["/", "/v1/account", "/v1/accounts", "/metrics", DELETE_QUEUE, *HEALTH])
def test_a_rebound_name_reaches_no_part(whole: Installation, target: str) -> None:
    for port, part in ports(whole).items():
        for host in (REBOUND, f"{REBOUND}:{port}", f"127.0.0.1.{REBOUND}:{port}", f"127.0.0.1:{port}.{REBOUND}"):
            for method in ("GET", "POST", "OPTIONS"):
                response = exchange(port, request(method, target, host))
                if part == "valkey":
                    assert not response.startswith(b"+")
                else:
                    assert status(response) == 400, (part, host, response)


def test_health_checks_accept_any_ip_address(whole: Installation) -> None:
    for port, part in ports(whole).items():
        if part not in (*OPERATOR, "valkey"):
            assert [status(exchange(port, request("GET", path, "10.1.2.3"))) for path in HEALTH] == [200, 200]
            assert status(exchange(port, request("GET", "/", "10.1.2.3"))) == 400


def test_the_page_is_served_on_its_own_host_names(whole: Installation) -> None:
    port = int(whole.url.rpartition(":")[2])
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert status(exchange(port, request("GET", "/", f"{name}:{port}"))) == 200
