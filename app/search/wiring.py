"""Build the services of search, for the app and for workers."""

from dataclasses import dataclass
from typing import TypedDict

from app.items.service.items import ItemService
from app.pagination import Cursors
from app.search.service.indexing import SearchIndex
from app.search.service.search import SearchService
from app.search.store.contents import IndexContents
from app.search.store.index import IndexStore
from app.search.store.search import SearchStore
from app.services import Foundation


class SearchServices(TypedDict):
    """The state of routes."""

    search: SearchService


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What workers need."""

    index: IndexStore
    projection: SearchIndex


def build_search(*, base: Foundation, items: ItemService, cursors: Cursors) -> SearchServices:
    return SearchServices(search=SearchService(items=items, store=SearchStore(base.database.readers), cursors=cursors))


def build_index_contents(*, base: Foundation) -> IndexContents:
    """Return what reads the index for its verification."""
    return IndexContents(base.database)


def build_index(*, base: Foundation) -> IndexParts:
    index = IndexStore(base.database)
    return IndexParts(index=index, projection=SearchIndex(items=base.items.rows, index=index))
