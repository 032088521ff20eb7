"""The clients of one process, which only the composition roots open."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.aws_error_notices import AwsErrorNotices
from app.database import open_database
from app.settings import Settings
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.clients import AmazonStores, Endpoints, open_amazon
from app.stores.signals import Signals
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class Clients:
    clock: Clock
    database: Database
    cache: Cache
    signals: Signals
    amazon: AmazonStores


async def open_clients(stack: AsyncExitStack, *, settings: Settings, clock: Clock) -> Clients:
    """Open all clients. The stack closes them in reverse order."""
    database = open_database(settings)
    stack.push_async_callback(database.close)
    redis_url, password_file = settings.redis_url.get_secret_value(), settings.redis_password_file
    cache = Cache(database, redis_url, password_file=password_file, mode=settings.cache)
    await stack.enter_async_context(cache)
    signals = await stack.enter_async_context(Signals(redis_url, password_file=password_file))
    amazon = await _open_amazon(stack, settings)
    await stack.enter_async_context(AwsErrorNotices(errors=amazon.errors, registry=signals.presence, clock=clock))
    return Clients(clock=clock, database=database, cache=cache, signals=signals, amazon=amazon)


async def _open_amazon(stack: AsyncExitStack, settings: Settings) -> AmazonStores:
    return await open_amazon(
        stack,
        Endpoints(
            dynamodb=settings.dynamodb_endpoint,
            s3=settings.s3_endpoint,
            s3_public=settings.s3_public_endpoint,
            sqs=settings.sqs_endpoint,
            sns=settings.sns_endpoint,
        ),
        region=settings.aws_region,
        bucket=settings.bucket,
        topic_arn=settings.completions_topic_arn,
        prefix=settings.resource_prefix,
    )
