"""Writes signed JSON web tokens (RFC 7519) with an RSA key, which prove who asks for a token."""

import base64
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

# What is wrong with a key is told without its cause: that may quote it.
BAD_KEY = "is no private key that can sign"


class KeyProblem(ValueError):
    """A private key or a certificate that cannot be used. Never quotes it."""


def signed_jwt(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    *,
    key: str,
    way: Literal["RS256", "PS256"],
) -> str:
    """The token. `key` is a private RSA key in PEM. Raises KeyProblem."""
    # Imported where used: only who signs needs it.
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        raise KeyProblem(BAD_KEY) from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyProblem(f"{BAD_KEY}: RSA is needed")
    head = {"alg": way, "typ": "JWT", **header}
    text = f"{_part(msgspec.json.encode(head))}.{_part(msgspec.json.encode(claims))}"
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
    how = pss if way == "PS256" else padding.PKCS1v15()
    signature = private.sign(text.encode(), how, hashes.SHA256())
    return f"{text}.{_part(signature)}"


def thumbprint(certificate: str) -> str:
    """SHA-256 of a certificate in PEM, as `x5t#S256` has it. Raises KeyProblem."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        raise KeyProblem("holds no certificate") from None
    return _part(found.fingerprint(hashes.SHA256()))


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
