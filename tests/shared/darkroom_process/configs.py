"""The real server of each tier, whose health routes need no service."""

import uvicorn
from prometheus_client import CollectorRegistry
from pydantic import AnyHttpUrl, SecretStr

from app.serving import app_server_config
from app.settings import Settings as AppSettings
from app.worker.health import health_server
from darkroom_process.readiness import Readiness
from tests.web.servers import BUCKET, CDN_URL, OBJECTS_URL, REGION
from web.__main__ import web_server_config
from web.settings import Settings as WebSettings


def app_config(readiness: Readiness | None = None) -> uvicorn.Config:
    config = app_server_config(_app_settings(), readiness or Readiness(), CollectorRegistry())
    config.lifespan = "off"  # health checks need no service
    return config


def worker_config(readiness: Readiness) -> uvicorn.Config:
    return health_server(_app_settings(), readiness).config


def web_config(readiness: Readiness | None = None) -> uvicorn.Config:
    settings = WebSettings(
        listen_port=1,
        allowed_hosts="*",
        app_url=AnyHttpUrl("http://127.0.0.1:1"),
        cdn_url=AnyHttpUrl(CDN_URL),
        s3_public_endpoint=OBJECTS_URL,
        bucket=BUCKET,
        trusted_proxies="none",
        AWS_REGION=REGION,
    )
    return web_server_config(settings, readiness or Readiness(), CollectorRegistry())


def _app_settings() -> AppSettings:
    settings = {
        "database_url": SecretStr("sqlite+aiosqlite:////no/such/darkroom.db"),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
        "bucket": "darkroom",
        "cdn_url": CDN_URL,
        "cdn_key_id": "K1",
        "cdn_private_key": SecretStr("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"),
        "completions_topic_arn": "arn:aws:sns:eu-central-1:000000000000:darkroom-completions",
        "secret": SecretStr("s" * 32),
        "AWS_REGION": "eu-central-1",
    }
    return AppSettings(**settings)  # type: ignore[arg-type]  # pydantic checks each value
