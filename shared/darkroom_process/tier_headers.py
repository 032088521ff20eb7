"""Headers that the web tier adds to its requests for the app, and drops from the requests of clients.

Request id and trace are in `request_id` and `trace_context`.
"""

TIER_HEADER = b"x-darkroom-tier"
"""The secret by which the app recognises the web tier."""
DEADLINE_HEADER = b"x-deadline"
"""The milliseconds that are left for the request."""
