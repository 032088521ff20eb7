"""One installation of Darkroom on this machine: its folder, addresses and secrets."""

import secrets
from dataclasses import dataclass, field

from local.addresses import Addresses
from local.data_folder import DataFolder
from local.keys import Keys
from local.settings import Settings, Tls

BUCKET = "darkroom"
COMPLETIONS_TOPIC = "darkroom-completions"
EMULATOR_ACCOUNT = "000000000000"
"""The AWS account in the ARNs of the emulator."""


@dataclass(frozen=True, slots=True)
class Installation:
    settings: Settings
    folder: DataFolder
    addresses: Addresses
    keys: Keys
    redis_password: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    """Each start generates a new one: Valkey stores nothing across restarts of the installation."""
    tier_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    """The app recognises its web tier by it; each start generates a new one."""

    @property
    def access_key_id(self) -> str:
        """Return the one credential for all services: with any real AWS service, the configured one, also for the
        stand-ins.
        """
        configured = self.settings.aws_access_key_id
        return configured if self.settings.uses_external_aws and configured else self.keys.access_key_id

    @property
    def secret_access_key(self) -> str:
        configured = self.settings.aws_secret_access_key
        return (
            configured.get_secret_value()
            if self.settings.uses_external_aws and configured
            else self.keys.secret_access_key
        )

    @property
    def needs_emulator(self) -> bool:
        return not (self.settings.sqs_endpoint and self.settings.sns_endpoint)

    @property
    def has_certificate(self) -> bool:
        return self.settings.tls is Tls.SELF

    @property
    def redis_url(self) -> str:
        own = f"redis://:{self.redis_password}@127.0.0.1:{self.addresses.ports['valkey']}/0"
        return self.settings.redis_url or own

    @property
    def database_url(self) -> str:
        return self.settings.database_url or f"sqlite+aiosqlite:///{self.folder.database}"

    @property
    def dynamodb_endpoint(self) -> str:
        return self.settings.dynamodb_endpoint or self.addresses.loopback_url("tables")

    @property
    def sqs_endpoint(self) -> str:
        return self.settings.sqs_endpoint or self.addresses.loopback_url("emulator")

    @property
    def sns_endpoint(self) -> str:
        return self.settings.sns_endpoint or self.addresses.loopback_url("emulator")

    @property
    def completions_topic_arn(self) -> str:
        return (
            self.settings.completions_topic_arn
            or f"arn:aws:sns:{self.settings.aws_region}:{EMULATOR_ACCOUNT}:{COMPLETIONS_TOPIC}"
        )

    @property
    def s3_endpoint(self) -> str:
        return self.settings.s3_endpoint or self.addresses.inner_url(self.addresses.objects)

    @property
    def s3_public_endpoint(self) -> str:
        configured = self.settings.s3_public_endpoint or self.settings.s3_endpoint
        return configured or self.addresses.public_url(self.addresses.objects)

    @property
    def cdn_url(self) -> str:
        return self.settings.cdn_url or self.addresses.public_url(self.addresses.edge)

    @property
    def cdn_key_id(self) -> str:
        return self.settings.cdn_key_id if self.settings.cdn_url and self.settings.cdn_key_id else self.keys.cdn_key_id

    @property
    def cdn_private_key(self) -> str:
        configured = self.settings.cdn_private_key
        return configured.get_secret_value() if self.settings.cdn_url and configured else self.keys.cdn_private_key

    @property
    def url(self) -> str:
        return self.addresses.public_url(self.addresses.web)
