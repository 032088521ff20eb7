"""S3 keys of items, built only here; each key but a playlist's is written once."""

from app.items.schema.row import ItemRow
from darkroom_shared.ids import AccountId, ItemId


def original_key(account: AccountId, item: ItemId) -> str:
    return f"originals/{account}/{item}"


def account_prefixes(account: AccountId) -> tuple[str, str]:
    """Return the prefixes of all objects of an account."""
    return f"originals/{account}/", f"renditions/{account}/"


def rendition_folder(account: AccountId, item: ItemId) -> str:
    """Return the common folder of all recipes and attempts of the item, which one signature covers. Without a
    trailing slash."""
    return f"renditions/{account}/{item}"


def rendition_prefix(account: AccountId, item: ItemId, recipe: str, attempt: int) -> str:
    """Return the prefix of one attempt's files. The trailing slash keeps a listing of attempt 1 from including
    attempt 10."""
    return f"renditions/{account}/{item}/{recipe}/{attempt}/"


def rendition_key(account: AccountId, item: ItemId, recipe: str, attempt: int, file: str) -> str:
    """The attempt is part of the key, so that a late worker cannot overwrite a newer result."""
    return f"renditions/{account}/{item}/{recipe}/{attempt}/{file}"


def prefixes_to_keep(row: ItemRow) -> tuple[str, ...]:
    """Return the prefixes of all files of the item's result and of previous results that are still kept. A video's
    poster and its ladder have an attempt each."""
    results = [row.result, *(previous.result for previous in row.former)]
    folders = sorted({folder for result in results if result for folder in result.folders})
    return tuple(rendition_prefix(row.account_id, row.item_id, recipe, attempt) for recipe, attempt in folders)


def attempt_of(key: str) -> int:
    """Return the number of the attempt that wrote this rendition."""
    return int(key.split("/")[4])


def playlist_file(rung: str) -> str:
    """Return the file name of a rung's playlist, the only file that is overwritten while the rung grows."""
    return f"{rung}.m3u8"


def path_in_folder(recipe: str, attempt: int, file: str) -> str:
    """Return a rendition's path relative to `rendition_folder`, as `SignedFolder.url` expects it."""
    return f"{recipe}/{attempt}/{file}"
