"""What an operator reads before, during and after a change of recipe."""

import argparse
import re

import pytest

from app.admin.reprocess_command import add_actions, reprocess_now, said
from app.items.reprocessing import Measured, Survey
from app.items.row import Result
from app.media.recipe import recipe_hash
from shared.items import ItemKind, ReceiptStep
from tests.house import House, Stores


def arguments(house: House, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_actions(parser.add_subparsers())
    return parser.parse_args(["reprocess", "--account", house.account, *words])


async def an_item(house: House, recipe: str) -> None:
    row = await house.queued(f"a photo of {recipe}".encode())
    claimed = await house.work.claim(row.account_id, row.item_id)
    step = ReceiptStep(at=house.base.clock(), step="make", attempt=1, seconds=3)
    result = Result(recipe, claimed.attempt, 4, 3, None, "AAAA", None, ())
    await house.work.finish(claimed, ItemKind.IMAGE, result, [step])


async def test_a_dry_run_counts_estimates_and_changes_nothing(
    house: House, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    await an_item(house, "oldrecipe")
    await an_item(house, recipe_hash())
    head = (await house.base.events.log.head(house.account)).last
    assert await reprocess_now(stores.settings(), arguments(house, "--dry-run")) == 0
    count, photos, estimate = capsys.readouterr().out.splitlines()[-3:]
    assert count == "1 of 2 ready items were made by another recipe than this release's."
    assert photos == "Photos: 1. 3.00 s each photo, measured on 1 receipts."
    assert estimate.startswith("About 3 s with 1 slot(s) of the bulk lane")
    assert (await house.base.events.log.head(house.account)).last == head


async def test_without_anything_stale_there_is_nothing_to_do(
    house: House, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    await an_item(house, recipe_hash())
    assert await reprocess_now(stores.settings(), arguments(house)) == 0
    assert await reprocess_now(stores.settings(), arguments(house, "--roll-back")) == 0
    log_lines = re.compile(r"\d{4}-\d\d-\d\d \d\d:")  # of the house, which a busy machine makes complain
    assert [line for line in capsys.readouterr().out.splitlines() if not log_lines.match(line)] == [
        "0 of 1 ready items were made by another recipe than this release's.",
        "0 items show the files again that they had before.",
    ]


def test_more_slots_take_less_time_and_videos_are_measured_by_their_length() -> None:
    videos = Measured(stale=10, amount=7200, sampled=2, sampled_amount=60, sampled_seconds=120)
    survey = Survey(ready=20, stale=10, by_kind={ItemKind.IMAGE: Measured(), ItemKind.VIDEO: videos})
    assert "Videos: 10 with 2.0 hours of film. 2.00 s each second of film, measured on 2 receipts." in said(survey, 1)
    assert "About 4.0 hours with 1 slot(s)" in said(survey, 1)
    assert "About 60.0 minutes with 4 slot(s)" in said(survey, 4)


def test_what_no_receipt_tells_is_not_guessed() -> None:
    survey = Survey(ready=2, stale=1, by_kind={ItemKind.IMAGE: Measured(stale=1, amount=1), ItemKind.VIDEO: Measured()})
    assert "How long it will take cannot be told" in said(survey, 1)
