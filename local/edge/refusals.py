"""CloudFront's refusals: https://repost.aws/knowledge-center/cloudfront-troubleshoot-signed-url-cookies names them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Each is a 403."""

    code: str
    message: str


class Refused(Exception):
    """The request gets this refusal as its answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


MISSING_KEY = Refusal("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
UNKNOWN_KEY = Refusal("InvalidKey", "Unknown Key")
MALFORMED_SIGNATURE = Refusal("MalformedSignature", "Could not unencode Signature")
MALFORMED_POLICY = Refusal("MalformedPolicy", "Malformed Policy")
ACCESS_DENIED = Refusal("AccessDenied", "Access denied")
METHOD_NOT_ALLOWED = Refusal("MethodNotAllowed", "This distribution supports only cachable requests")
BODY_GIVEN = Refusal("BodyNotAllowed", "This distribution takes no request with a body")
