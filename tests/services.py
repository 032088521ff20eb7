"""The app's services on real stores, for tests that use the services directly and not HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from app.events.service.relay import RelayService
from app.items.deletion.service.trash import TrashService
from app.items.maintenance.service.maintenance import MaintenanceService
from app.items.schema.row import ItemRow
from app.items.service.actions import ItemActions
from app.items.service.completion import CompletionService
from app.items.service.items import ItemService
from app.items.service.lifecycle import LEASE
from app.items.service.playback import PlaybackService
from app.items.service.representation import ItemRepresentation
from app.items.service.uploads import UploadService
from app.items.service.work import WorkService
from app.items.store import ItemStore
from app.items.wiring import build_item_work, build_items, build_maintenance, open_delivery
from app.migrations.run import migrate
from app.pagination import Cursors
from app.request_key import RequestKey
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.stores.resources import COMPLETIONS_TOPIC, PREFIX, as_json
from darkroom_client.connection import tls_context
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.items import CreateItem, SingleUpload
from darkroom_shared.times import Clock
from local import resources
from tests.aws_environment import aws_credentials
from tests.servers import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    running_objects,
    running_queues,
    running_tables,
    running_valkey,
)

KEY_ID, SECRET = ACCESS_KEY_ID, SECRET_ACCESS_KEY
REGION, BUCKET = "eu-central-1", "darkroom"
TOPIC_ARN = f"arn:aws:sns:{REGION}:000000000000:{COMPLETIONS_TOPIC}"
CDN = "http://127.0.0.1:9"


class ManualClock:
    """A clock that stands still until `advance` is called."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set the clock to the present."""
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Advance by `seconds=`, `minutes=`, `hours=`, `days=`."""
        self.now += timedelta(**by)


@dataclass(frozen=True, slots=True)
class Stores:
    """The endpoints of the local stand-ins for AWS, and of Valkey."""

    tables: str
    objects: str
    queues: str
    valkey: str
    folder: Path

    @property
    def database_url(self) -> str:
        """The URL of the database with this release's tables, one for all tests."""
        return f"sqlite+aiosqlite:///{self.folder / 'app.db'}"

    def settings(self, **changes: object) -> Settings:
        """Return the settings of an app on these stores."""
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        values: dict[str, object] = {
            "database_url": SecretStr(self.database_url),
            "redis_url": SecretStr(self.valkey),
            "dynamodb_endpoint": self.tables,
            "s3_endpoint": self.objects,
            "s3_public_endpoint": self.objects,
            "sqs_endpoint": self.queues,
            "sns_endpoint": self.queues,
            "bucket": BUCKET,
            "cdn_url": CDN,
            "cdn_key_id": "K1",
            "cdn_private_key": SecretStr(key.decode()),
            "completions_topic_arn": TOPIC_ARN,
            "secret": SecretStr("s" * 32),
            "AWS_REGION": REGION,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]  # pydantic checks each value


def start_stores(stack: ExitStack, folder: Path, *, faults: str = "off") -> Stores:
    """Start the stores with every declared resource; the stack stops them."""
    (folder / "tables").mkdir()
    (folder / "valkey").mkdir()
    started = Stores(
        tables=stack.enter_context(running_tables(folder / "tables")),
        objects=stack.enter_context(running_objects(folder / "objects", KEY_ID, SECRET)),
        queues=stack.enter_context(running_queues(faults)),
        valkey=stack.enter_context(running_valkey(folder / "valkey")),
        folder=folder,
    )
    create_resources(started)
    asyncio.run(migrate(started.database_url))
    return started


def create_resources(started: Stores, prefix: str = PREFIX) -> None:
    access = resources.Access(REGION, KEY_ID, SECRET, None)
    declared = as_json(BUCKET, prefix)
    resources.create_tables(access.client("dynamodb", started.tables), declared)
    resources.create_buckets(access.client("s3", started.objects), declared)
    resources.create_queues(access.client("sqs", started.queues), declared)
    resources.create_topics(access.client("sns", started.queues), declared)


@dataclass(frozen=True, slots=True)
class Services:
    """One process's services, with an account of its own."""

    base: Foundation
    items: ItemService
    item_actions: ItemActions
    representation: ItemRepresentation
    uploads: UploadService
    completion: CompletionService
    work: WorkService
    maintenance: MaintenanceService
    relay: RelayService
    playback: PlaybackService
    trash: TrashService
    http: httpx.AsyncClient
    account: AccountId = field(default_factory=new_account_id)

    async def create(
        self, content: bytes, *, name: str = "photo.jpg", key: RequestKey | None = None
    ) -> tuple[ItemRow, SingleUpload]:
        """Create an item in `uploading` for these bytes."""
        digest = f"sha256:{sha256(content).hexdigest()}"
        body = CreateItem(name=name, size_bytes=len(content), content_type="image/jpeg", digest=digest)
        created = await self.uploads.create(self.account, body, key)
        assert isinstance(created.upload, SingleUpload)
        return created.row, created.upload

    async def put(self, upload: SingleUpload, content: bytes) -> httpx.Response:
        return await self.http.put(upload.url, content=content, headers=upload.headers)

    async def queued(self, content: bytes) -> ItemRow:
        """Create an item, upload its bytes and complete it, so that it waits for a worker."""
        row, upload = await self.create(content)
        response = await self.put(upload, content)
        assert response.status_code == 200, response.text
        return (await self.completion.complete(row, None)).row

    async def row(self, row: ItemRow) -> ItemRow:
        """Return the row as it is now."""
        result = await ItemStore(self.base.amazon.dynamo).get(row.account_id, row.item_id)
        assert result is not None
        return result


@asynccontextmanager
async def open_services(stores: Stores, clock: Clock, **changes: object) -> AsyncIterator[Services]:
    settings = stores.settings(**changes)
    async with AsyncExitStack() as stack:
        with aws_credentials():
            base = await open_foundation(settings, stack, clock)
        secret = settings.secret_source()
        items = build_items(
            clients=base.clients,
            parts=base.items,
            delivery=await open_delivery(stack, settings=settings, clients=base.clients),
            cursors=Cursors(secret),
            secret=secret,
        )
        yield Services(
            base,
            **items,
            work=build_item_work(clients=base.clients, parts=base.items, lease=LEASE).work,
            maintenance=build_maintenance(clients=base.clients, parts=base.items),
            relay=base.events.relay,
            http=await stack.enter_async_context(httpx.AsyncClient(timeout=60, verify=tls_context())),
        )
