"""The loops of a worker that use the database alone, each with a job that it must complete."""

from sqlalchemy import func, insert, select

from app.access.schema.tables import placement_purges
from app.albums.wiring import build_album_work
from app.comments.wiring import build_comment_work
from app.events.schema.tables import requests
from app.request_key import RequestKey
from app.worker.placement_purger import PlacementPurger
from app.worker.request_purger import ExpiredRequestPurger
from darkroom_shared.ids import new_account_id, new_album_id
from tests.jobs.loops import Due, Faulty, Loop


def placement_purger(faulty: Faulty) -> Loop:
    base, own = faulty.services.base, faulty.own.base.database
    purger = PlacementPurger(build_album_work(base=base).placement_purge, build_comment_work(base=base).unread_expiry)

    async def prepare() -> Due:
        album = new_album_id()
        async with own.writer.write() as connection:
            await connection.execute(insert(placement_purges).values(album_id=album, up_to_version=1))

        async def is_done() -> bool:
            left = select(func.count()).where(placement_purges.c.album_id == album)
            async with own.writer.read() as connection:
                return await connection.scalar(left) == 0

        return 0, is_done

    return Loop(purger.process, prepare)


def request_purger(faulty: Faulty) -> Loop:
    base, own = faulty.services.base, faulty.own.base
    purger = ExpiredRequestPurger(base.database, base.events.completed_requests)

    async def prepare() -> Due:
        account = new_account_id()
        async with own.database.writer.write() as connection:
            key = RequestKey("one", "f" * 64)
            await own.events.completed_requests.note(connection, account, key, "alb_1", 201)
        faulty.clock.advance(days=1, seconds=1)

        async def is_done() -> bool:
            left = select(func.count()).where(requests.c.account_id == account)
            async with own.database.writer.read() as connection:
                return await connection.scalar(left) == 0

        return 0, is_done

    return Loop(purger.process, prepare)


DATABASE_LOOPS = {each.__name__: each for each in (placement_purger, request_purger)}
