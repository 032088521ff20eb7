"""The environment variables of each part; see docs/SETTINGS.md."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from darkroom_process.settings import variable_of
from local.addresses import LOOPBACK
from local.installation import BUCKET, Installation
from local.settings import PREFIX, Settings

ALLOWED_HOSTS = f"{PREFIX}ALLOWED_HOSTS"
LOCAL_USERS = f"{PREFIX}LOCAL_USERS"
ROOT = 0


def inherited(installation: Installation, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that every part starts from: the outer one without variables that would misconfigure it.

    Our own settings and all AWS variables (profiles, endpoints, metadata services) are set again where a part needs
    them; a proxy must not be used between processes of one machine.
    """
    ours = {variable_of(Settings, field) for field in Settings.model_fields}
    environment = {
        name: value for name, value in outer.items() if name not in ours and not name.startswith(("AWS_", "PYTHON"))
    }
    never_by_proxy = ("localhost", LOOPBACK, installation.addresses.bind, installation.settings.host)
    exceptions = ",".join(dict.fromkeys((*filter(None, outer.get("NO_PROXY", "").split(",")), *never_by_proxy)))
    environment |= {"NO_PROXY": exceptions, "no_proxy": exceptions, "PYTHONUNBUFFERED": "1"}
    if installation.settings.uses_external_aws:
        environment |= {name: outer[name] for name in ("AWS_SESSION_TOKEN", "AWS_CA_BUNDLE") if name in outer}
    if installation.has_certificate:
        certificate = str(installation.folder.certificate)
        environment |= {"AWS_CA_BUNDLE": certificate, "SSL_CERT_FILE": certificate}
    return environment


def serves_other_machines(installation: Installation, outer: Mapping[str, str]) -> bool:
    """Return whether people at other machines may use the installation, directly or by a reverse proxy."""
    return installation.addresses.is_reachable_from_network or bool(outer.get(ALLOWED_HOSTS))


class Environments:
    """The environment of each part of an installation."""

    def __init__(self, installation: Installation, outer: Mapping[str, str] = os.environ) -> None:
        self._installation = installation
        self._inherited = inherited(installation, outer)
        self._credential = {
            "AWS_ACCESS_KEY_ID": installation.access_key_id,
            "AWS_SECRET_ACCESS_KEY": installation.secret_access_key,
            "AWS_REGION": installation.settings.aws_region,
        }
        self._faults = {f"{PREFIX}FAULTS": installation.settings.faults.value}

    def _listening(self, host: str, port: int) -> dict[str, str]:
        return self._inherited | {f"{PREFIX}LISTEN_HOST": host, f"{PREFIX}LISTEN_PORT": str(port)}

    def _operator(self, part: str) -> dict[str, str]:
        ports = self._installation.addresses.operator_ports
        return {f"{PREFIX}OPERATOR_PORT": str(ports[part])} if part in ports else {}

    def _public(self, port: int, *more_hosts: str) -> dict[str, str]:
        """Return the environment of a part that browsers reach: it may need the certificate and accept other hosts."""
        environment = self._listening(self._installation.addresses.bind, port)
        hosts = (*self._installation.addresses.public_hosts(port), *more_hosts, environment.get(ALLOWED_HOSTS, ""))
        environment[ALLOWED_HOSTS] = ",".join(filter(None, hosts))
        if self._installation.has_certificate:
            environment[f"{PREFIX}TLS_CERTIFICATE"] = str(self._installation.folder.certificate)
            environment[f"{PREFIX}TLS_KEY"] = str(self._installation.folder.certificate_key)
        return environment

    def _inner(self, part: str) -> dict[str, str]:
        return self._listening(LOOPBACK, self._installation.addresses.ports[part]) | {ALLOWED_HOSTS: LOOPBACK}

    def valkey(self) -> dict[str, str]:
        return self._inherited

    def emulator(self) -> dict[str, str]:
        return (
            self._inner("emulator")
            | self._credential
            | self._faults
            | {"MINISTACK_REGION": self._installation.settings.aws_region}
        )

    def tables(self) -> dict[str, str]:
        return (
            self._inner("tables")
            | self._credential
            | self._faults
            | {f"{PREFIX}TABLES_FILE": str(self._installation.folder.tables)}
        )

    def objects(self) -> dict[str, str]:
        return (
            self._public(self._installation.addresses.objects, urlsplit(self._installation.s3_public_endpoint).netloc)
            | self._credential
            | self._faults
            | {f"{PREFIX}OBJECTS_FOLDER": str(self._installation.folder.objects)}
        )

    def edge(self) -> dict[str, str]:
        installation = self._installation
        return (
            self._public(installation.addresses.edge)
            | self._credential
            | {
                f"{PREFIX}EDGE_KEYS_FOLDER": str(installation.folder.edge_keys),
                f"{PREFIX}EDGE_ORIGIN": installation.s3_endpoint,
                f"{PREFIX}BUCKET": BUCKET,
                f"{PREFIX}CDN_URL": installation.cdn_url,
            }
        )

    def app(self, part: str = "app") -> dict[str, str]:
        """Return the app's environment, or the worker's, whose port serves only health checks."""
        installation = self._installation
        environment = (
            self._inner(part)
            | self._operator(part)
            | self._credential
            | {
                f"{PREFIX}DATABASE_URL": installation.database_url,
                f"{PREFIX}REDIS_URL": installation.redis_url,
                f"{PREFIX}DYNAMODB_ENDPOINT": installation.dynamodb_endpoint,
                f"{PREFIX}S3_ENDPOINT": installation.s3_endpoint,
                f"{PREFIX}S3_PUBLIC_ENDPOINT": installation.s3_public_endpoint,
                f"{PREFIX}SQS_ENDPOINT": installation.sqs_endpoint,
                f"{PREFIX}SNS_ENDPOINT": installation.sns_endpoint,
                f"{PREFIX}COMPLETIONS_TOPIC_ARN": installation.completions_topic_arn,
                f"{PREFIX}BUCKET": BUCKET,
                f"{PREFIX}CDN_URL": installation.cdn_url,
                f"{PREFIX}CDN_KEY_ID": installation.cdn_key_id,
                f"{PREFIX}CDN_PRIVATE_KEY": installation.cdn_private_key,
                f"{PREFIX}SECRET": installation.keys.secret,
                f"{PREFIX}TIER_SECRET": installation.tier_secret,
                f"{PREFIX}SCRATCH_FOLDER": str(installation.folder.scratch),
            }
        )
        if not installation.settings.cdn_url:
            environment[f"{PREFIX}CDN_KEYS_FILE"] = str(installation.folder.cdn_keys)
            environment[f"{PREFIX}EDGE_KEYS_FOLDER"] = str(installation.folder.edge_keys)
        # Defaults where only this machine is served: registration is open. Neither an old kernel nor a data folder in
        # memory prevents the start.
        defaults = {
            f"{PREFIX}REGISTRATION": "open",
            f"{PREFIX}SANDBOX": "relaxed",
            f"{PREFIX}SCRATCH_DISK": "relaxed",
        }
        if serves_other_machines(installation, self._inherited):
            defaults[f"{PREFIX}REGISTRATION"] = "closed"
            environment[f"{PREFIX}FIRST_ACCOUNT"] = "command"
        return defaults | environment

    def migration(self) -> dict[str, str]:
        """Return the app's environment, with the database's user who may change tables, if there is such a user."""
        environment, url = self.app(), self._installation.settings.migration_database_url
        if url is None:
            return environment
        environment.pop(f"{PREFIX}DATABASE_PASSWORD_FILE", None)  # of the app's user
        return environment | {f"{PREFIX}DATABASE_URL": url}

    def web(self) -> dict[str, str]:
        installation = self._installation
        environment = self._public(installation.addresses.web) | self._operator("web")
        if not serves_other_machines(
            installation, self._inherited
        ):  # a reverse proxy may run as any user of this machine
            environment = {LOCAL_USERS: self._local_users()} | environment
        return (
            {f"{PREFIX}TRUSTED_PROXIES": "none"}
            | environment
            | {
                f"{PREFIX}APP_URL": installation.addresses.loopback_url("app"),
                f"{PREFIX}TIER_SECRET": installation.tier_secret,
                f"{PREFIX}CDN_URL": installation.cdn_url,
                f"{PREFIX}S3_PUBLIC_ENDPOINT": installation.s3_public_endpoint,
                f"{PREFIX}BUCKET": BUCKET,
                "AWS_REGION": installation.settings.aws_region,
            }
        )

    def _local_users(self) -> str:
        """Return this user, root, and the user who became root with sudo: the browser is not started with sudo."""
        users = {str(ROOT), str(os.getuid()), self._inherited.get("SUDO_UID", "")}
        return ",".join(sorted(filter(str.isdigit, users)))
