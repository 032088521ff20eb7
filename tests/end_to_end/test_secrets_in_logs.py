"""What must never be logged, whatever happens to a request: passwords, addresses, tokens and signed URLs."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.installation import running_installation

ADDRESS, PASSWORD = "canary-address@example.org", "canary password of a person"
LINK_PASSWORD = "canary password of a link"
ADMINISTRATOR_TOKEN = "dra_canary-token-of-the-first-administrator"
CONTENT = b"canary bytes, not a picture"


async def use_everything(url: str) -> list[str]:
    """Do all that a user and a worker can do, right and wrong; return the secrets that no log may contain."""
    secrets = [ADDRESS, PASSWORD, "canary-wrong", ADMINISTRATOR_TOKEN]
    async with httpx.AsyncClient(base_url=f"{url}/v1/", timeout=60) as api, httpx.AsyncClient(timeout=20) as cdn:
        who = {"email": ADDRESS, "password": PASSWORD}
        assert (await api.post("accounts", json=who)).status_code == 201
        assert (await api.post("sessions", json=who | {"password": "canary-wrong"})).status_code == 401
        assert (await api.post("sessions", json=who | {"unknown": PASSWORD})).status_code == 422
        link = {"administrator_token": ADMINISTRATOR_TOKEN}
        assert (await api.post("accounts", json=who | link)).status_code == 403
        assert (await api.post("accounts", json=link | {"email": ADMINISTRATOR_TOKEN})).status_code == 422
        await api.get("/", params={"administrator": ADMINISTRATOR_TOKEN})
        half = f'{{"password": "{PASSWORD}"'
        json_type = {"Content-Type": "application/json"}
        assert (await api.post("sessions", content=half, headers=json_type)).status_code == 400
        token = (await api.post("sessions", json=who)).json()["token"]
        api.headers["Authorization"] = f"Bearer {token}"
        body = {
            "name": "canary.jpg",
            "size_bytes": len(CONTENT),
            "content_type": "image/jpeg",
            "digest": f"sha256:{sha256(CONTENT).hexdigest()}",
        }
        created = (await api.post("items", json=body)).json()
        upload, item = created["upload"], created["item"]["id"]
        broken = upload["url"].replace("X-Amz-Signature=", "X-Amz-Signature=0")
        assert (await cdn.put(broken, content=CONTENT, headers=upload["headers"])).status_code == 403
        assert (await cdn.put(upload["url"], content=CONTENT, headers=upload["headers"])).status_code == 200
        await api.post(f"items/{item}/complete")
        failed = await ended(api, item)
        assert failed["failure"]["code"] == "unsupported"
        original = (await api.get(f"items/{item}/original")).json()["url"]
        assert (await cdn.get(original)).content == CONTENT
        assert (await cdn.get(original + "x")).status_code == 403
        await api.get("events", params={"after": 0}, headers={"Cookie": f"darkroom_1={token}"})
        await api.get(f"nowhere/{token}")
        secrets += await send_canaries(api, cdn, original.partition("?")[0])
        for signed in (upload["url"], original):
            secrets += [part.partition("=")[2] for part in signed.split("&") if "Signature" in part]
        secrets += await share_and_open(api)
    return [*secrets, token]


async def send_canaries(api: httpx.AsyncClient, cdn: httpx.AsyncClient, address: str) -> list[str]:
    """Send one canary in each header, cookie and parameter that may carry a secret, to web, app and edge."""
    headers = ["Authorization", "Cookie", "Darkroom-Share", "Darkroom-Share-Proof", "X-Darkroom-Tier"]
    headers += ["X-Amz-Security-Token", "Proxy-Authorization"]
    names = ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Signature", "Policy", "Key-Pair-Id"]
    names += ["grant", "password", "token"]
    sent = {name: f"a=canary-header-{number}" for number, name in enumerate(headers)}
    for name, value in sent.items():
        await api.get("items", headers={name: value})
        await cdn.get(address, headers={name: value})
    values = {name: f"canary-parameter-{number}" for number, name in enumerate(names)}
    await api.get("items", params=values)
    await api.get("/" + "&".join(f"{name}={value}" for name, value in values.items()))
    await cdn.get(address, params=values)
    await cdn.put(address, params=values, content="-----BEGIN PRIVATE KEY-----\ncanary-key")
    return [*(value[2:] for value in sent.values()), *values.values(), "canary-key"]


def installed_secrets(folder: Path) -> list[str]:
    """Return the secrets that `darkroom up` generated for its services."""
    settings = json.loads((folder / "app.json").read_text())
    names = ("DARKROOM_SECRET", "DARKROOM_TIER_SECRET", "AWS_SECRET_ACCESS_KEY")
    password = urlsplit(settings["DARKROOM_REDIS_URL"]).password
    assert password
    return [*(settings[name] for name in names), password, settings["DARKROOM_CDN_PRIVATE_KEY"].splitlines()[1]]


async def share_and_open(api: httpx.AsyncClient) -> list[str]:
    """Open a link with a password: the right one, a wrong one, and in the wrong place."""
    album = (await api.post("albums", json={"title": "Canary"})).json()["id"]
    made = await api.post(f"albums/{album}/shares", json={"password": LINK_PASSWORD})
    token = made.json()["token"]
    link = {"Darkroom-Share": token, "Authorization": ""}
    assert (await api.post("shared/unlock", json={"password": f"not {LINK_PASSWORD}"}, headers=link)).status_code == 403
    proof = (await api.post("shared/unlock", json={"password": LINK_PASSWORD}, headers=link)).json()["proof"]
    open_page = await api.get("shared", headers=link | {"Darkroom-Share-Proof": proof})
    assert open_page.json()["title"] == "Canary"
    assert (await api.get(f"nowhere/{token}", headers=link)).status_code == 404
    assert (await api.get("shared", headers=link | {"Darkroom-Share-Proof": proof + "0" * 300})).status_code == 422
    return [LINK_PASSWORD, token, proof]


async def ended(api: httpx.AsyncClient, item: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            results: dict[str, Any] = (await api.get(f"items/{item}")).json()
            if results["state"] in {"ready", "failed"}:
                return results
            await asyncio.sleep(0.1)


def test_no_log_contains_a_password_an_address_a_token_or_a_signature(tmp_path: Path) -> None:
    with running_installation(tmp_path) as installation:
        secrets = asyncio.run(use_everything(installation.url)) + installed_secrets(installation.folder)
    logs = sorted((installation.folder / "logs").iterdir())
    assert {log.stem for log in logs} >= {"app", "web", "worker", "objects", "edge", "tables", "emulator"}
    for log in logs:
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name
