"""Did a server refuse a request because the credential had run out?"""

import re

from aihandler.backends.http.response import Response

_READ_BYTES = 16 * 1024
# AWS: `ExpiredTokenException`, "security token ... is expired". Google: `ACCESS_TOKEN_EXPIRED`, or
# 401 with "invalid authentication credentials". Azure: "... or have expired". RFC 6750:
# `invalid_token`.
_SIGNS = re.compile(
    rb"expired_?token|token_expired|invalid_token|invalid authentication credentials"
    rb"|token[^\"]{0,200}\bexpired\b|credentials?[^\"]{0,80}\bexpired\b",
    re.IGNORECASE,
)
# The clock is wrong, not the credential; another one would be refused for the same reason.
_CLOCK = re.compile(rb"signature (?:not yet current|expired)|request ?time", re.IGNORECASE)


async def says_expired(response: Response) -> bool:
    """Looks at a refusal's headers and at the beginning of its body, which stays to be read."""
    if response.status not in {401, 403}:
        return False
    told = response.headers
    said = f"{told.get('x-amzn-errortype', '')} {told.get('www-authenticate', '')}".encode()
    said += b" " + await response.look(_READ_BYTES)
    return bool(_SIGNS.search(said)) and not _CLOCK.search(said)
