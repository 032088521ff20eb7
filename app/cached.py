"""All entries of the cache in one list; each capability declares the type of its values."""

from app.stores.cache.keys import Entry

SESSION = Entry("session", 1, 300, decides_access=True)
ACCOUNT = Entry("account", 1, 300)
ALBUM = Entry("album", 1, 300, decides_access=True)
ALBUM_PAGE = Entry("album-page", 1, 300)  # never invalidated: a new `items_version` of its album is a new key
MEMBERSHIP = Entry("membership", 1, 300, decides_access=True)
ALBUMS_OF_ITEM = Entry("albums-of-item", 1, 300, decides_access=True)
SHARE = Entry("share", 1, 300, decides_access=True)
UNREAD = Entry("unread", 1, 300)

REGISTRY = (SESSION, ACCOUNT, ALBUM, ALBUM_PAGE, MEMBERSHIP, ALBUMS_OF_ITEM, SHARE, UNREAD)
