"""What an installation stores, and which settings its parts get."""

import asyncio
import os
import ssl
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.migrations.run import START_SECONDS, TOTAL_SECONDS
from darkroom_process.hosts import AllowedHosts
from local.addresses import EPHEMERAL_RANGE, Addresses, choose_addresses
from local.certificate import ensure_certificate
from local.data_folder import DataFolder, open_data_folder
from local.environments import Environments, inherited
from local.installation import Installation
from local.keys import ensure_keys
from local.logs import MAX_FILES, PartLog
from local.parts import declare_parts
from local.settings import Settings, Tls
from local.startup_error import StartupError
from tests.local.up.darkroom import three_free_ports


def an_installation(path: Path, **settings: Any) -> Installation:
    with open_data_folder(path, 0) as folder:
        keys = ensure_keys(folder)
    ports = {"valkey": 1, "emulator": 2, "tables": 3, "app": 4, "worker": 5}
    addresses = Addresses("127.0.0.1", "127.0.0.1", "http", "127.0.0.1", 8080, 8081, 8082, ports)
    return Installation(Settings(**settings), folder, addresses, keys)


def test_keys_are_created_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.edge_keys.mkdir()
    first = ensure_keys(folder)
    assert ensure_keys(folder) == first
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o600
    private_key = serialization.load_pem_private_key(first.cdn_private_key.encode(), password=None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    public = serialization.load_pem_public_key((folder.edge_keys / f"{first.cdn_key_id}.pem").read_bytes())
    assert public == private_key.public_key()
    assert len(first.secret) >= 32


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    with open_data_folder(tmp_path / "data", 0) as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_log_is_rotated_by_size_and_its_last_lines_stay_in_memory(tmp_path: Path) -> None:
    log = PartLog(tmp_path / "app.log", max_bytes=100)
    for number in range(200):
        log.write(f"line {number}\n".encode())
    log.write(b"not yet a line")
    log.close()
    assert log.last_lines == [*(f"line {number}" for number in range(181, 200)), "not yet a line"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "app.log", *(f"app.log.{number}" for number in range(1, MAX_FILES + 1)),
    ]  # fmt: skip
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert (tmp_path / "app.log").read_text().endswith("line 199\nnot yet a line")


async def test_inner_ports_are_outside_the_ephemeral_range() -> None:
    addresses = await choose_addresses(Settings(port=three_free_ports()))
    lowest = int(EPHEMERAL_RANGE.read_text().split()[0])
    assert len(set(addresses.ports.values())) == len(addresses.ports)
    assert all(port < lowest for port in addresses.ports.values())


@pytest.mark.parametrize(
    ("host", "bound", "url"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:{port}"),
        ("localhost", "127.0.0.1", "http://localhost:{port}"),
        ("::1", "::1", "http://[::1]:{port}"),
        ("photos.home.arpa", "0.0.0.0", "http://photos.home.arpa:{port}"),  # noqa: S104 - a host name binds every interface
    ],
)
async def test_every_public_url_contains_the_host(host: str, bound: str, url: str) -> None:
    port = three_free_ports()
    addresses = await choose_addresses(Settings(port=port, host=host))
    assert addresses.bind == bound
    assert addresses.public_url(addresses.web) == url.format(port=port)


def test_a_part_on_the_default_port_accepts_its_host_without_the_port(tmp_path: Path) -> None:
    installation = an_installation(tmp_path)
    for scheme, port in (("http", 80), ("https", 443)):
        changed = replace(installation.addresses, scheme=scheme, public_host="photos.home.arpa", web=port)
        allowed = Environments(replace(installation, addresses=changed), {}).web()["DARKROOM_ALLOWED_HOSTS"]
        hosts = AllowedHosts.parse(allowed, changed.bind, port)
        assert hosts.allows([(b"host", b"photos.home.arpa")], "/")
        assert not hosts.allows([(b"host", b"rebound.example.org")], "/")


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        ({}, set()),
        ({"redis_url": "redis://cache:6379/0"}, {"valkey"}),
        (
            {"sqs_endpoint": "http://real", "sns_endpoint": "http://real", "completions_topic_arn": "arn:aws:sns:x"},
            {"emulator"},
        ),
        ({"sqs_endpoint": "http://real"}, set()),
        ({"dynamodb_endpoint": "http://real"}, {"tables"}),
        ({"s3_endpoint": "http://real"}, {"objects"}),
        ({"cdn_url": "http://real", "cdn_key_id": "K1", "cdn_private_key": "-----BEGIN"}, {"edge"}),
    ],
)
async def test_a_part_replaced_by_an_external_service_is_not_started(
    tmp_path: Path, settings: dict[str, str], left_out: set[str]
) -> None:
    credential = {"aws_access_key_id": "AKIAREAL", "aws_secret_access_key": "real"}
    installation = an_installation(tmp_path, **settings, **credential)
    declaration = asyncio.get_running_loop().create_future()
    names = {part.name for part in declare_parts(installation, declaration)}
    everything = {"valkey", "emulator", "tables", "objects", "edge", "migration", "app", "worker", "web"}
    assert names == everything - left_out
    environment = Environments(installation, {}).app()
    for name, value in settings.items():
        assert environment[f"DARKROOM_{name.upper()}"] == value
    uses_real_aws = any(name.endswith("endpoint") for name in settings)
    assert (environment["AWS_ACCESS_KEY_ID"] == "AKIAREAL") is uses_real_aws


def test_parts_do_not_inherit_misleading_environment_variables(tmp_path: Path) -> None:
    outer = {
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "http://elsewhere",
        "PYTHONPATH": "/somewhere",
        "DARKROOM_DATA": "/elsewhere",
        "DARKROOM_DRAIN_SECONDS": "3",
        "HTTP_PROXY": "http://proxy:3128",
        "NO_PROXY": "example.org",
    }
    environment = inherited(an_installation(tmp_path), outer)
    assert environment["DARKROOM_DRAIN_SECONDS"] == "3"
    assert environment["NO_PROXY"] == "example.org,localhost,127.0.0.1"
    assert not environment.keys() & {"AWS_PROFILE", "AWS_ENDPOINT_URL", "PYTHONPATH", "DARKROOM_DATA"}


def test_a_user_may_close_registration(tmp_path: Path) -> None:
    installation = an_installation(tmp_path)
    assert Environments(installation, {}).app()["DARKROOM_REGISTRATION"] == "open"
    assert Environments(installation, {"DARKROOM_REGISTRATION": "closed"}).app()["DARKROOM_REGISTRATION"] == "closed"


def test_the_certificate_is_replaced_only_when_the_host_changes(tmp_path: Path) -> None:
    installation = an_installation(tmp_path, tls=Tls.SELF, host="photos.home.arpa")
    ensure_certificate(installation)
    folder = installation.folder
    first = folder.certificate.read_bytes()
    ensure_certificate(installation)
    assert folder.certificate.read_bytes() == first
    assert stat.S_IMODE(folder.certificate_key.stat().st_mode) == 0o600
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder.certificate, folder.certificate_key)

    ensure_certificate(an_installation(tmp_path, tls=Tls.SELF, host="192.168.1.5"))
    names = x509.load_pem_x509_certificate(folder.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "192.168.1.5" in [str(address) for address in names.value.get_values_for_type(x509.IPAddress)]


def test_the_certificate_is_a_server_certificate_and_not_a_ca(tmp_path: Path) -> None:
    installation = an_installation(tmp_path, tls=Tls.SELF)
    ensure_certificate(installation)
    extensions = x509.load_pem_x509_certificate(installation.folder.certificate.read_bytes()).extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert [*extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_ca_certificate_of_an_older_release_is_replaced(tmp_path: Path) -> None:
    installation = an_installation(tmp_path, tls=Tls.SELF)
    ensure_certificate(installation)
    folder = installation.folder
    key = serialization.load_pem_private_key(folder.certificate_key.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(folder.certificate.read_bytes())
    older = x509.CertificateBuilder(
        certificate.issuer,
        certificate.subject,
        key.public_key(),
        certificate.serial_number,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    older = older.add_extension(names, critical=False)
    older = older.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    folder.certificate.write_bytes(older.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    ensure_certificate(installation)
    renewed = x509.load_pem_x509_certificate(folder.certificate.read_bytes())
    assert not renewed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_migration_runs_as_the_user_who_may_change_tables(tmp_path: Path) -> None:
    users = {"database_url": "mysql+asyncmy://app@db/x", "migration_database_url": "mysql+asyncmy://migrating@db/x"}
    outer = {
        "DARKROOM_MIGRATION_DATABASE_URL": "mysql+asyncmy://migrating@db/x",
        "DARKROOM_DATABASE_PASSWORD_FILE": "/run/password",
    }
    environments = Environments(an_installation(tmp_path, **users), outer)

    app, migration = environments.app(), environments.migration()

    assert (app["DARKROOM_DATABASE_URL"], migration["DARKROOM_DATABASE_URL"]) == tuple(users.values())
    assert app.keys() - migration.keys() == {"DARKROOM_DATABASE_PASSWORD_FILE"}, "it is the app's user's"
    assert users["migration_database_url"] not in app.values()
    without = Environments(an_installation(tmp_path), outer)
    assert without.migration() == without.app()


async def test_the_supervisor_allows_a_migration_the_time_that_it_allows_itself(tmp_path: Path) -> None:
    parts = declare_parts(an_installation(tmp_path), asyncio.Future())
    (migration,) = (part for part in parts if part.name == "migration")

    assert migration.ready_seconds > START_SECONDS + TOTAL_SECONDS


def test_a_network_installation_creates_accounts_by_command_only(tmp_path: Path) -> None:
    installation = an_installation(tmp_path)
    assert "DARKROOM_FIRST_ACCOUNT" not in Environments(installation, {}).app()
    reachable_from_network = replace(installation, addresses=replace(installation.addresses, bind="0.0.0.0"))  # noqa: S104
    closed = Environments(reachable_from_network, {}).app()
    assert (closed["DARKROOM_REGISTRATION"], closed["DARKROOM_FIRST_ACCOUNT"]) == ("closed", "command")
    requested = {"DARKROOM_REGISTRATION": "open", "DARKROOM_FIRST_ACCOUNT": "anyone"}
    opened = Environments(reachable_from_network, requested).app()
    assert (opened["DARKROOM_REGISTRATION"], opened["DARKROOM_FIRST_ACCOUNT"]) == ("open", "command")


def test_behind_a_reverse_proxy_accounts_are_created_by_command_only(tmp_path: Path) -> None:
    app = Environments(an_installation(tmp_path), {"DARKROOM_ALLOWED_HOSTS": "photos.example.com"}).app()
    assert (app["DARKROOM_REGISTRATION"], app["DARKROOM_FIRST_ACCOUNT"]) == ("closed", "command")


def test_on_loopback_the_web_tier_serves_only_the_user_who_started_it(tmp_path: Path) -> None:
    installation = an_installation(tmp_path)
    variable = "DARKROOM_LOCAL_USERS"
    users = {"0", str(os.getuid())}
    assert set(Environments(installation, {}).web()[variable].split(",")) == users
    assert set(Environments(installation, {"SUDO_UID": "4711"}).web()[variable].split(",")) == users | {"4711"}
    assert Environments(installation, {variable: "1000"}).web()[variable] == "1000"
    assert variable not in Environments(installation, {"DARKROOM_ALLOWED_HOSTS": "photos.example.com"}).web()
    reachable_from_network = replace(installation, addresses=replace(installation.addresses, bind="0.0.0.0"))  # noqa: S104
    assert variable not in Environments(reachable_from_network, {}).web()


def test_a_data_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65_534, 65_534)
    with pytest.raises(StartupError, match="belongs to another user"), open_data_folder(tmp_path, 0):
        pass
