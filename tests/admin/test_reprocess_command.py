"""What `darkroom admin reprocess` prints before, during and after a change of recipe."""

import argparse
import re

import pytest

from app.admin.commands.parsers import add_admin_actions
from app.admin.commands.reprocess import reprocess_now, summary
from app.items.reprocessing.service.reprocessing import Measured, Survey
from app.items.schema.row import Result
from app.media.recipe import recipe_hash
from darkroom_shared.items import ItemKind, ReceiptStep
from tests.services import Services, Stores


def arguments(services: Services, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_admin_actions(parser.add_subparsers())
    return parser.parse_args(["reprocess", "--account", services.account, *words])


async def an_item(services: Services, recipe: str) -> None:
    row = await services.queued(f"a photo of {recipe}".encode())
    claimed = await services.work.claim(row.account_id, row.item_id)
    step = ReceiptStep(at=services.base.clock(), step="make", attempt=1, seconds=3)
    result = Result(recipe, claimed.attempt, 4, 3, None, "AAAA", None, ())
    await services.work.finish(claimed, ItemKind.IMAGE, result, [step])


async def test_a_dry_run_counts_estimates_and_changes_nothing(
    services: Services, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    await an_item(services, "oldrecipe")
    await an_item(services, recipe_hash())
    head = (await services.base.events.log.head(services.account)).last
    assert await reprocess_now(stores.settings(), arguments(services, "--dry-run")) == 0
    count, photos, estimate = capsys.readouterr().out.splitlines()[-3:]
    assert count == "1 of 2 ready items were made by another recipe than this release's."
    assert photos == "Photos: 1. 3.00 s per photo, measured on 1 receipts."
    assert estimate.startswith("About 3 s with 1 slot(s) of the bulk lane")
    assert (await services.base.events.log.head(services.account)).last == head


async def test_without_stale_items_there_is_nothing_to_do(
    services: Services, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    await an_item(services, recipe_hash())
    assert await reprocess_now(stores.settings(), arguments(services)) == 0
    assert await reprocess_now(stores.settings(), arguments(services, "--roll-back")) == 0
    log_lines = re.compile(r"\d{4}-\d\d-\d\d \d\d:")  # of the services, e.g. warnings under load
    assert [line for line in capsys.readouterr().out.splitlines() if not log_lines.match(line)] == [
        "0 of 1 ready items were made by another recipe than this release's.",
        "0 items have their previous files again.",
    ]


def test_the_estimate_falls_with_more_slots_and_grows_with_video_length() -> None:
    videos = Measured(stale=10, amount=7200, sampled=2, sampled_amount=60, sampled_seconds=120)
    survey = Survey(ready=20, stale=10, by_kind={ItemKind.IMAGE: Measured(), ItemKind.VIDEO: videos})
    assert "Videos: 10 with 2.0 hours of video. 2.00 s per second of video, measured on 2 receipts." in summary(
        survey, 1
    )
    assert "About 4.0 hours with 1 slot(s)" in summary(survey, 1)
    assert "About 60.0 minutes with 4 slot(s)" in summary(survey, 4)


def test_items_without_a_receipt_are_not_estimated() -> None:
    survey = Survey(ready=2, stale=1, by_kind={ItemKind.IMAGE: Measured(stale=1, amount=1), ItemKind.VIDEO: Measured()})
    assert "The duration cannot be estimated" in summary(survey, 1)
