"""The `aws` command as an independent client."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.local.tables.place import Place, definitions, key_schema
from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY

AWS = Path(sys.executable).with_name("aws")


def test_the_aws_command_creates_fills_and_reads_a_table(place: Place) -> None:
    name = f"{place.table}-aws"
    _aws(
        place, "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", json.dumps(definitions("account", "number")),
        "--key-schema", json.dumps(key_schema("account", "number")),
    )  # fmt: skip
    for number in (2, 1):
        item = {"account": {"S": "anna"}, "number": {"N": str(number)}}
        _aws(place, "put-item", "--table-name", name, "--item", json.dumps(item))
    results = _aws(
        place, "query", "--table-name", name, "--key-condition-expression", "account = :a",
        "--expression-attribute-values", json.dumps({":a": {"S": "anna"}}), "--page-size", "1",
    )  # fmt: skip
    assert [item["number"]["N"] for item in results["Items"]] == ["1", "2"]


def test_the_aws_command_prints_the_error(place: Place) -> None:
    ended = _run(place, "scan", "--table-name", "absent-table")
    assert ended.returncode != 0
    assert "ResourceNotFoundException" in ended.stderr


def _aws(place: Place, *arguments: str) -> dict[str, Any]:
    ended = _run(place, *arguments)
    assert ended.returncode == 0, ended.stderr
    response: dict[str, Any] = json.loads(ended.stdout or "{}")
    return response


def _run(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",  # which version 1 of the command reads
        "AWS_PAGER": "",
    }
    return subprocess.run(  # noqa: S603  # the installed command
        [AWS, "--endpoint-url", place.client.meta.endpoint_url, "dynamodb", *arguments],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
