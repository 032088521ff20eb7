"""`darkroom verify` notices a bucket that keeps deleted files for ever."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.stores.s3 import ObjectStore
from tests.services import Services

EXPIRES = {"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}


class Bucket:
    """The client of a bucket with these settings."""

    def __init__(self, status: str | None, rules: list[dict[str, Any]] | None) -> None:
        self._status, self._rules = status, rules

    async def get_bucket_versioning(self, **_: Any) -> dict[str, Any]:
        return {} if self._status is None else {"Status": self._status}

    async def get_bucket_lifecycle_configuration(self, **_: Any) -> dict[str, Any]:
        if self._rules is None:
            raise ClientError({"Error": {"Code": "NoSuchLifecycleConfiguration"}}, "GetBucketLifecycleConfiguration")
        return {"Rules": self._rules}


@pytest.mark.parametrize(
    ("status", "rules", "expected"),
    [
        (None, None, False),
        ("Enabled", None, True),
        ("Suspended", None, True),
        ("Enabled", [EXPIRES], False),
        ("Enabled", [EXPIRES | {"Filter": {"Prefix": ""}}], False),
        ("Enabled", [EXPIRES | {"Filter": {"Prefix": "renditions/"}}], True),
        ("Enabled", [EXPIRES | {"Status": "Disabled"}], True),
        ("Enabled", [{"Status": "Enabled", "Expiration": {"Days": 7}}], True),
    ],
)
async def test_versions_must_expire(status: str | None, rules: list[dict[str, Any]] | None, expected: bool) -> None:
    client: Any = Bucket(status, rules)
    assert await ObjectStore(client, client, "darkroom").has_versions_without_expiry() is expected


async def test_the_local_bucket_has_no_versions(services: Services) -> None:
    assert not await services.base.amazon.objects.has_versions_without_expiry()
