"""Where an item's bytes lie in S3: the only place where keys are built. A key is written once."""

from app.items.row import ItemRow
from shared.ids import AccountId, ItemId


def original_key(account: AccountId, item: ItemId) -> str:
    return f"originals/{account}/{item}"


def account_prefixes(account: AccountId) -> tuple[str, str]:
    """Under which lies everything of an account."""
    return f"originals/{account}/", f"renditions/{account}/"


def rendition_folder(account: AccountId, item: ItemId) -> str:
    """Above all recipes and attempts of the item: what one signature opens. Without a slash at its end."""
    return f"renditions/{account}/{item}"


def rendition_prefix(account: AccountId, item: ItemId, recipe: str, attempt: int) -> str:
    """What one attempt writes under. It ends in a slash, so that listing attempt 1 leaves attempt 10 alone."""
    return f"renditions/{account}/{item}/{recipe}/{attempt}/"


def rendition_key(account: AccountId, item: ItemId, recipe: str, attempt: int, file: str) -> str:
    return f"renditions/{account}/{item}/{recipe}/{attempt}/{file}"


def prefixes_that_count(row: ItemRow) -> tuple[str, ...]:
    """Under which lies all that the item's result is made of, or a former one that may be named again: a video's poster
    and its ladder have an attempt each."""
    results = [row.result, *(previous.result for previous in row.former)]
    folders = sorted({folder for result in results if result for folder in result.folders})
    return tuple(rendition_prefix(row.account_id, row.item_id, recipe, attempt) for recipe, attempt in folders)


def attempt_of(key: str) -> int:
    """Which attempt wrote this rendition."""
    return int(key.split("/")[4])


def playlist_file(rung: str) -> str:
    """The one file that is written again and again while its rung grows."""
    return f"{rung}.m3u8"


def path_in_folder(recipe: str, attempt: int, file: str) -> str:
    """A rendition's key as seen from `rendition_folder`: what `SignedFolder.url` takes."""
    return f"{recipe}/{attempt}/{file}"
