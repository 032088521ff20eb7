"""The figures that Darkroom must reach, by group: what each measures, its limit and its goal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    what: str
    must: float
    goal: float
    more_is_better: bool = False

    def verdict(self, value: float) -> str:
        if self._reaches(value, self.goal):
            return "goal"
        return "must" if self._reaches(value, self.must) else "missed"

    def _reaches(self, value: float, limit: float) -> bool:
        return value >= limit if self.more_is_better else value <= limit


GROUPS = {
    "media": (
        Figure(
            "image_vs_pillow", "renditions per second, ours / a Pillow script with as many processes", 2.0, 2.4, True
        ),
        Figure(
            "image_vs_vips",
            "renditions per second, ours / a bare pyvips chain with as many processes",
            0.85,
            0.95,
            True,
        ),
        Figure("video_vs_ffmpeg", "CPU seconds of a whole video job / of one ffmpeg command by hand", 1.15, 1.05),
        Figure("sandbox_ms", "a photo's decode in the sandbox minus the same without, in ms", 15, 5),
        Figure("hostile_survived", "share of the hostile files refused or made within their limits", 1.0, 1.0, True),
    ),
    "queues": (
        Figure("photo_ready_vs_media", "`complete` returned to `item.ready` / media seconds of the receipt", 1.5, 1.2),
        Figure("overhead_ms", "median of the difference of the two, in ms", 150, 80),
        Figure("batch_vs_media", "200 photos, first byte to last ready / (CPU seconds of media / cores)", 1.5, 1.2),
        Figure("first_playable", "first claim to playable / to ready, 60 s of 1080p, nothing else running", 0.25, 0.15),
        Figure("poster_s", "`complete` returned to the poster's event, the bulk lane full for an hour, in s", 3, 1.5),
        Figure(
            "poison_neighbours", "median time to ready of 100 photos, 5 poisoned files among them / none", 1.2, 1.05
        ),
    ),
    "delivery": (
        Figure("sign_page_vs_bare", "100 items' URLs, cold / 100 bare ECDSA signatures", 1.4, 1.15),
        Figure("upload_vs_copy", "`darkroom upload` of 2 GB / sha256sum + cp + fsync of it", 3, 2),
        Figure("objects_rss_mb", "growth of the object store's memory under four 1 GB uploads and downloads", 30, 10),
    ),
    "reads": (
        Figure("gallery_100k_vs_1k", "a page of an account of 100,000 items / of 1,000", 1.3, 1.05),
        Figure("album_page_100k", "a page of an album of 100,000 items / of 100", 1.3, 1.05),
        Figure(
            "warm_read_vs_noop", "requests per CPU second, a cached album / a constant from FastAPI", 0.6, 0.9, True
        ),
    ),
    "items": (
        Figure("append_vs_single", "200 concurrent transitions of one account: actions sent / committed", 1.5, 1.05),
        Figure("orphans", "objects and rows left after 1,000 random actions, kills and an account's erasure", 0, 0),
    ),
    "cache": (
        Figure("cold_key_queries", "queries for 1,000 concurrent readers of a cold key over two processes", 1, 1),
        Figure("hit_vs_get", "cache hits per CPU second, 32 callers / bare GETs of redis-py", 3.0, 5.0, True),
        Figure("stale_reads", "reads older than what was acknowledged before, in 10^6 operations under chaos", 0, 0),
        Figure("ablations_caught", "of the 20 ablations of the cache's protocol, each run until caught", 20, 20, True),
    ),
    "outages": (
        Figure("statement_ratio", "statements / requests while the database refuses everything", 1.1, 1.0),
        Figure("write_redis_down_ms", "a change's added latency while Redis is down for all, in ms", 2400, 2150),
        Figure("redis_down_failed", "failed requests in 30 s without Redis at 100 requests/s", 0, 0),
        Figure("redis_down_ratio", "median of reads without Redis / of the same with caching switched off", 1.1, 1.0),
    ),
}
FIGURES = tuple(figure for figures in GROUPS.values() for figure in figures)
BY_NAME = {figure.name: figure for figure in FIGURES}
