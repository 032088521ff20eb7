"""One transaction: a connection that keeps its time limits, and is replaced where repeating a statement is safe."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from app.stores.aurora_engines import ServerPool
from app.stores.aurora_health import RetryBudget, Unreachable
from darkroom_shared.problems import Unavailable


class Conflict(Exception):
    """A write violated a unique key or a reference: another transaction was first."""


class NoResponse(Unreachable):
    """No response in time. A retry on the same server would probably wait as long again."""


@asynccontextmanager
async def translated_timeout(seconds: float) -> AsyncIterator[None]:
    """Limit the time of the whole transaction, and translate the driver's errors to Conflict or Unavailable."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except exc.IntegrityError as error:
        raise Conflict from error
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError, OSError) as error:
        if isinstance(error, TimeoutError) and not limit.expired():
            raise
        raise Unavailable(retry_after_seconds=1) from error
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable(retry_after_seconds=1) from error


class RetryingConnection(AsyncConnection):
    """Begins a transaction on the first of the pools, or on the next if that one is unavailable.

    One statement may be repeated on another connection, within the retry budget. In a reading transaction this is any
    statement that lost its connection, because at READ COMMITTED each statement is independent. In a writing one it is
    the first only, because the server rolls back all others with the connection. A commit without a response is never
    repeated.
    """

    def __init__(self, pools: Sequence[ServerPool], budget: RetryBudget, *, writing: bool) -> None:
        super().__init__(pools[0].engine)
        self._pool, self._next_pools = pools[0], list(pools[1:])
        self._budget, self._writing = budget, writing
        self._retried = self._started = self._in_transaction = False

    async def start(self, is_ctxmanager: bool = False) -> Self:
        """Begin on the first pool, or on the next if that one is unavailable."""
        try:
            await self._begin()
        except (Unreachable, exc.TimeoutError) as error:
            await self._reconnect(error)
        self._started = True
        return self

    async def __aenter__(self) -> Self:
        return await self.start()

    async def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        """Execute within the time limit, and repeat once on another connection where that is safe."""
        try:
            result = await self._execute_in_time(statement, *arguments, **options)
        except (NoResponse, exc.DBAPIError) as error:
            connection_lost = isinstance(error, NoResponse) or error.connection_invalidated
            if not connection_lost or (self._writing and self._in_transaction):
                self._in_transaction = True
                raise
            await self._reconnect(error)
            result = await self._execute_in_time(statement, *arguments, **options)
        self._in_transaction = True
        return result

    # Only `execute` repeats a statement. After one of these calls a writing transaction repeats nothing.

    async def run_sync(self, *arguments: Any, **options: Any) -> Any:
        self._in_transaction = True
        return await super().run_sync(*arguments, **options)

    async def exec_driver_sql(self, *arguments: Any, **options: Any) -> Any:
        self._in_transaction = True
        return await super().exec_driver_sql(*arguments, **options)

    def stream(self, *arguments: Any, **options: Any) -> Any:
        self._in_transaction = True
        return super().stream(*arguments, **options)

    def begin_nested(self) -> AsyncTransaction:
        self._in_transaction = True
        return super().begin_nested()

    async def commit(self) -> None:
        """Commit within the time limit. Never repeated."""
        async with self._limit():
            await super().commit()

    async def close(self) -> None:
        if self.sync_connection is not None:  # None after a failed move to another connection
            await super().close()

    async def require_role(self) -> None:
        """Raise Unreachable if the server is no longer the writer: rows read here may be outdated."""
        if self._pool.role is None:
            return
        async with self._limit():
            only_reads = (await self.exec_driver_sql(self._pool.role)).scalar()
        if only_reads:
            self._pool.distrust()
            await self.invalidate()
            raise Unreachable("the writer has become a reader")

    async def _execute_in_time(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        async with self._limit():
            return await super().execute(statement, *arguments, **options)

    @asynccontextmanager
    async def _limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._pool.statement_seconds) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            self._pool.distrust()
            raise NoResponse("no response in time") from None

    async def _begin(self) -> None:
        self.engine = self._pool.writing_engine if self._writing else self._pool.engine
        self.sync_engine, self.sync_connection = self.engine.sync_engine, None
        self._pool.count_wait()
        await super().start()
        try:
            await self.begin().start()
        except BaseException:
            await self.close()
            raise

    async def _reconnect(self, error: Exception) -> None:
        """Move to another connection, or raise `error`. Beginning on the next pool takes no retry from the budget."""
        if not self._next_pools or self._started:
            self._spend_retry(error)
        await self.close()
        if self._next_pools:
            self._pool = self._next_pools.pop(0)
        await self._begin()

    def _spend_retry(self, error: Exception) -> None:
        """Take a retry from the budget. Raises `error` if there is none, or if a retry would fail the same way."""
        same_server = not self._next_pools
        would_fail = same_server and (self._pool.breaker.is_open or isinstance(error, NoResponse | exc.TimeoutError))
        if would_fail or self._retried or not self._budget.spend():
            raise error
        self._retried = True
