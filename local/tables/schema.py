"""The schema of a table: its keys and indexes, and the columns that store them."""

from dataclasses import dataclass, replace

from local.tables.errors import ValidationException
from local.tables.keys import KeySchema, encode_partition, encode_sort
from local.tables.values import Item, kind_of


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index; `number` counts from 0 and names its columns. `included` None: it includes all attributes."""

    name: str
    number: int
    is_global: bool
    keys: KeySchema
    included: frozenset[str] | None

    @property
    def partition_column(self) -> str:
        """The column of the partition key; a local index shares the table's."""
        return f"partition_{self.number}" if self.is_global else "partition"

    @property
    def sort_column(self) -> str:
        """The column of the sort key; every index has its own."""
        return f"sort_{self.number}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that exist for this index only; all are null in rows that are not in it."""
        return (self.partition_column, self.sort_column) if self.is_global else (self.sort_column,)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that order the rows of one partition; together they identify one row."""
        return (self.sort_column, "partition", "sort") if self.is_global else (self.sort_column, "sort")

    def entry(self, item: Item) -> tuple[bytes | None, ...]:
        """Return the values of `columns`: nulls if the item lacks a key, which excludes it from the index."""
        for attribute in self.keys.attributes:
            value = item.get(attribute.name)
            if value is None:
                return (None,) * len(self.columns)
            if attribute.kind not in value:
                raise ValidationException(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {attribute.name} "
                    f"Expected: {attribute.kind} Actual: {kind_of(value)} IndexName: {self.name}"
                )
            if value[attribute.kind] == "":
                raise ValidationException(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not "
                    "supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                    f"IndexName: {self.name}, IndexKey: {attribute.name}"
                )
        return self._encoded(item)

    def _encoded(self, item: Item) -> tuple[bytes, ...]:
        partition, sort = self.keys.partition, self.keys.sort
        own = (encode_partition(partition.kind, item[partition.name]),) if self.is_global else ()
        return (*own, encode_sort(sort.kind, item[sort.name]))


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `number` names the SQLite table of its rows and is never reused."""

    name: str
    number: int
    keys: KeySchema
    indexes: tuple[Index, ...]
    expiry_attribute: str | None = None

    @property
    def rows(self) -> str:
        """The name of the SQLite table with the items."""
        return f"items_{self.number}"

    @property
    def index_columns(self) -> tuple[str, ...]:
        """The columns of all indexes, in order."""
        return tuple(column for index in self.indexes for column in index.columns)

    def index(self, name: str) -> Index:
        """Return an index by name. Raises ValidationException if the table has none."""
        for index in self.indexes:
            if index.name == name:
                return index
        raise ValidationException(f"The table does not have the specified index: {name}")

    def expiring_by(self, attribute: str | None) -> "Table":
        """Return the same table with a time-to-live attribute, or without one."""
        return replace(self, expiry_attribute=attribute)
