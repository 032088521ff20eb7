"""Session tokens of the stand-ins. A role's credentials end, and so do those with a token `until-<seconds since 1970>`.

Another token never ends here: it may be that of a real role, which only AWS can verify.
"""

import re
from datetime import UTC, datetime

HEADER = "x-amz-security-token"
PARAMETER = "X-Amz-Security-Token"
_FORM = re.compile(r"until-(\d{1,11})")


def has_ended(token: str | None, now: datetime) -> bool:
    match = _FORM.fullmatch(token or "")
    return match is not None and datetime.fromtimestamp(int(match[1]), UTC) <= now
