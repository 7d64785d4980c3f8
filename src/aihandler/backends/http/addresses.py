"""Which addresses a host may resolve to; checked for each new connection, which then is pinned."""

import ipaddress

from aihandler.backends.http.origin import Origin
from aihandler.domain.deployment import Deployment, Hosting

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Instance metadata services: they hand out credentials to whoever asks, so no model lives there.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.169.253",
        "169.254.169.123",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def refusal(text: str, origin: Origin, deployment: Deployment) -> str | None:
    """Says why no connection may be opened to the address `text`, or None when one may.

    `self` reaches only this machine and private networks, unless the file attests otherwise; a
    vendor or a managed service is never on them, unless its url names the address itself or the
    file attests a private endpoint. Plain http never leaves private networks.
    """
    address = _meant(ipaddress.ip_address(text.partition("%")[0]))
    if address in _METADATA:
        return "is a metadata service"
    if address.is_unspecified or address.is_multicast or _is_broadcast(address):
        return "is no address of one machine"
    if origin.host == "localhost" and not address.is_loopback:
        return "is not this machine, although the name is `localhost`"
    near = is_near(address)
    if not near and not origin.secure:
        return "is on a public network, where plain http shows data and key to everyone"
    if deployment.attestation:
        return None
    if deployment.hosting is Hosting.SELF:
        return None if near else "is on a public network, and hosting is `self`"
    if near and not origin.literal:
        return f"is on a private network, and hosting is `{deployment.hosting.value}`"
    return None


def is_near(address: Address) -> bool:
    """True for this machine, private networks, link-local and unique local addresses."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_private or address.is_link_local or address in _SHARED
    return address.is_loopback or address.is_link_local or address in _UNIQUE_LOCAL


_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")


def _is_broadcast(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv4Address) and address.is_reserved


def _meant(address: Address) -> Address:
    # An IPv4 address can hide in an IPv6 one in four ways; the kernel or a gateway unpacks it.
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
