"""What an address says about who runs the machine. Static: nothing is resolved or asked."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

__all__ = ["host_of", "is_here", "is_own", "vendor_hosts", "vendor_of"]

# Names that public resolvers do not answer: mDNS, RFC 6761, RFC 8375, and the private-use
# `.internal` of ICANN; `.lan` and `.svc` (Kubernetes) by custom.
OWN_SUFFIXES = (".local", ".internal", ".lan", ".svc", ".home.arpa", ".localhost")


def host_of(url: str) -> str:
    """The host of a url in one spelling: lower case, no trailing dot, no IPv6 brackets.

    Empty when it cannot be told for certain, which the caller takes for the worst.
    """
    scheme, _, rest = unicodedata.normalize("NFKC", url).partition("://")
    # IDNA takes this for a dot as well, and NFKC leaves it as it is.
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].replace("\u3002", ".")
    # Readers of urls disagree about these; the one that connects may not be this one.
    if any(c in "\\%" or c.isspace() or not c.isprintable() for c in authority):
        return ""
    try:
        host = urlsplit(f"{scheme}://{authority}").hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".").lower()


def is_own(host: str) -> bool:
    """True when the host can only be on this machine or in a private network."""
    if not host:
        return False
    address = _address(host)
    if address is not None:
        return not (address.is_global or address.is_multicast)
    labels = host.split(".")
    # `2130706433`, `0x7f.1`: some resolvers read these as addresses, so they count as unknown.
    if labels[-1].isdecimal() or labels[-1].startswith("0x"):
        return False
    return len(labels) == 1 or host.endswith(OWN_SUFFIXES)


def is_here(host: str) -> bool:
    """True when the host is this machine itself."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def vendor_of(host: str, vendors: Mapping[str, tuple[str, ...]]) -> str | None:
    """The vendor whose API the host is known to be."""
    for vendor, patterns in vendors.items():
        if any(fnmatchcase(host, pattern) for pattern in patterns):
            return vendor
    return None


def vendor_hosts() -> Mapping[str, tuple[str, ...]]:
    """The shipped list: vendor to patterns of hosts. Not complete, and never can be."""
    # Read on demand: only `aihandler check` needs it, and every start would pay for it.
    from importlib.resources import files

    import yaml

    text = files("aihandler.policy").joinpath("vendor_hosts.yaml").read_text("utf-8")
    return dict(_entries(yaml.safe_load(text)))


def _entries(file: Mapping[str, list[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for vendor, patterns in file.items():
        yield vendor, tuple(patterns)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else ipaddress.IPv4Address(int(mapped))
