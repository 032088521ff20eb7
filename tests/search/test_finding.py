"""Search by words, camera, kind, album and time: it finds own items only, in their current state."""

from datetime import timedelta

import pytest

from app.search.schema.query import SearchRequest
from app.search.store import search as store
from darkroom_shared.ids import new_account_id, new_album_id
from darkroom_shared.items import ItemKind
from darkroom_shared.problems import Invalid
from tests.search.library import SUMMER, Library


@pytest.fixture(params=["gathered", "walked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test with both query plans: few matches are gathered, many are read in windows of two."""
    if request.param == "walked":
        monkeypatch.setattr(store, "MAX_GATHERED", 0)
        monkeypatch.setattr(store, "WINDOW", 2)


@pytest.mark.usefixtures("way")
async def test_a_search_matches_captions_names_cameras_and_titles_newest_capture_first(library: Library) -> None:
    beach = await library.add("IMG_0001.jpg", "Am Strand von Malmö", day=1)
    match = await library.add("DSC01234.jpg", "東京タワーの夜", day=3)
    strand = await library.add("strandkorb.png", day=2)
    await library.with_facts(match, ItemKind.IMAGE, "Canon EOS R6")
    album = await library.make_album("Ferien in Dänemark", beach, match)
    joined = await library.make_album("Überall", strand, owner=new_account_id())
    await library.index_all()

    assert await library.find() == ["DSC01234.jpg", "strandkorb.png", "IMG_0001.jpg"]
    assert await library.find("STRAND") == ["strandkorb.png", "IMG_0001.jpg"]
    assert await library.find("strand malmo") == ["IMG_0001.jpg"]
    assert await library.find("malmo strand") == ["IMG_0001.jpg"]
    assert await library.find("malmo st") == ["IMG_0001.jpg"]
    assert await library.find("malm strand") == []  # only the last word may be a prefix
    assert await library.find("タワー") == await library.find("夜") == await library.find("京") == ["DSC01234.jpg"]
    assert await library.find("img 0001") == ["IMG_0001.jpg"]
    assert await library.find("danemark") == ["DSC01234.jpg", "IMG_0001.jpg"]
    assert await library.find("danemark malmö") == ["IMG_0001.jpg"]
    assert await library.find("ferien canon") == ["DSC01234.jpg"]
    assert await library.find("uber") == ["strandkorb.png"]
    assert await library.find("!?") == await library.find("nothing") == []
    assert await library.find(album=album) == ["DSC01234.jpg", "IMG_0001.jpg"]
    assert await library.find("strand", album=album) == ["IMG_0001.jpg"]
    assert await library.find(album=joined) == ["strandkorb.png"]
    assert await library.find(album=new_album_id()) == []
    assert await library.find(camera="eos canon") == await library.find(camera="R6") == ["DSC01234.jpg"]
    assert await library.find(camera="eos r") == await library.find(camera="malmo") == []


@pytest.mark.usefixtures("way")
async def test_kind_and_time_narrow_the_matches(library: Library) -> None:
    for day, kind in enumerate((ItemKind.IMAGE, ItemKind.VIDEO, ItemKind.IMAGE, ItemKind.VIDEO)):
        await library.with_facts(await library.add(f"{day}.jpg", "sea", day=day), kind)
    await library.index_all()
    second, third = SUMMER + timedelta(days=1), SUMMER + timedelta(days=2)

    assert await library.find("sea", kind=ItemKind.VIDEO) == ["3.jpg", "1.jpg"]
    assert await library.find("image") == await library.find("kind") == []
    assert await library.find("sea", captured_from=second) == ["3.jpg", "2.jpg", "1.jpg"]
    assert await library.find("sea", captured_to=third) == ["1.jpg", "0.jpg"]
    assert await library.find(captured_from=second, captured_to=third) == ["1.jpg"]
    assert await library.find(kind=ItemKind.IMAGE, captured_from=third, captured_to=second) == []


async def test_a_late_index_never_returns_deleted_edited_or_other_accounts_items(library: Library) -> None:
    remaining = await library.add("kept.jpg", "lake")
    deleted, edited = await library.add("deleted.jpg", "lake"), await library.add("edited.jpg", "lake")
    await library.index_all()
    await library.services.trash.delete(deleted, None)
    await library.edit(edited, caption="sea")

    assert await library.find("lake") == [remaining.name]
    other_account = await library.search.search(new_account_id(), SearchRequest("lake"), None, 10)
    assert (other_account.rows, other_account.applied) == ([], 0)

    await library.index_all()
    assert await library.find("sea") == ["edited.jpg"]
    await library.services.trash.restore(await library.services.row(deleted))
    await library.index_all()
    assert sorted(await library.find("lake")) == ["deleted.jpg", "kept.jpg"]


async def test_a_response_states_the_events_it_includes(library: Library) -> None:
    await library.add("one.jpg")
    await library.index_all()
    await library.add("two.jpg")
    head = await library.services.base.events.log.head(library.account)
    known = (await library.search.search(library.account, SearchRequest("jpg"), None, 10)).applied
    assert (known, head.last) == (1, 2)
    assert (await library.search.search(library.account, SearchRequest("!"), None, 10)).applied == 1


async def test_a_cursor_is_valid_for_its_account_and_its_search_only(library: Library) -> None:
    for _ in range(3):
        await library.add("a.jpg")
    await library.index_all()
    cursor = (await library.search.search(library.account, SearchRequest("jpg"), None, 1)).next_cursor
    assert cursor is not None
    for account, search_request in (
        (new_account_id(), SearchRequest("jpg")),
        (library.account, SearchRequest("jp")),
        (library.account, SearchRequest()),
    ):
        with pytest.raises(Invalid):
            await library.search.search(account, search_request, cursor, 1)
    with pytest.raises(Invalid):
        await library.search.search(library.account, SearchRequest(" ".join(f"w{n}" for n in range(40))), None, 1)


async def test_new_items_do_not_shift_the_next_page(library: Library) -> None:
    for day in range(4):
        await library.add(f"{day}.jpg", "sea", day=day)
    await library.index_all()
    first = await library.search.search(library.account, SearchRequest("sea"), None, 2)
    await library.add("new.jpg", "sea", day=9)
    await library.index_all()
    second = await library.search.search(library.account, SearchRequest("sea"), first.next_cursor, 2)
    assert [row.name for row in first.rows + second.rows] == ["3.jpg", "2.jpg", "1.jpg", "0.jpg"]
