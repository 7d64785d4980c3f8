"""Models (weights) and deployments (a model at an address, with a price and a hosting)."""

import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from aihandler.domain.keys import digest_text

# Runs on this machine: no byte leaves it, so every region rule admits it.
HERE = "here"


# As `listed_as`: the entry of the price list goes by the deployment's provider and model.
LISTED_BY_NAME = "*"


class Hosting(enum.Enum):
    """Who runs the machine that the data goes to."""

    SELF = "self"
    MANAGED = "managed"
    VENDOR = "vendor"


class Openness(msgspec.Struct, frozen=True):
    """What of a model is published under its licence."""

    weights: bool = False
    data: bool = False
    code: bool = False


class Model(msgspec.Struct, frozen=True):
    """Weights, by name and version. `licence` is an SPDX identifier or a `LicenseRef-`."""

    name: str
    family: str = ""
    revision: str = ""
    licence: str = ""
    digest: str = ""
    open: Openness = Openness()


class Secret(msgspec.Struct, frozen=True):
    """Where a secret is to be read from when it is needed. Holds no secret."""

    source: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"${{{self.name}}}" if self.source == "env" else f"${{file:{self.name}}}"


class Price(msgspec.Struct, frozen=True):
    """US dollars per million tokens, by kind. A kind without a price of its own is `None`."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    source: str = ""
    as_of: datetime.date | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None


class HourlyCost(msgspec.Struct, frozen=True):
    """What a machine costs in US dollars an hour, busy or idle (all its GPUs together)."""

    usd_per_hour: Decimal
    gpu: str = ""
    count: int = 1


Serves = Literal["text", "embeddings"]


class Limits(msgspec.Struct, frozen=True):
    """What one deployment takes. `context_tokens` of None: not known.

    `queue` is how many clients may wait for one of the `concurrency` places.
    """

    concurrency: int = 16
    context_tokens: int | None = None
    queue: int = 1000


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds for each phase of one attempt."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    stall_s: float = 30.0
    total_s: float = 300.0


class Tls(msgspec.Struct, frozen=True):
    """Extra trust anchors and a client certificate, as paths."""

    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""


class AwsCredentials(msgspec.Struct, frozen=True, tag_field="kind", tag="aws"):
    """Requests are signed with AWS keys, looked for where AWS' own tools look.

    `profile` and `role` narrow that; an empty `region` or `service` is taken from the host.
    """

    region: str = ""
    service: str = ""
    profile: str = ""
    role: str = ""
    external_id: str = ""
    sts_url: str = ""


class GoogleCredentials(msgspec.Struct, frozen=True, tag_field="kind", tag="google"):
    """Requests carry a Google access token; an empty `file`: as Google's own tools find it."""

    file: str = ""
    scope: str = ""


class AzureCredentials(msgspec.Struct, frozen=True, tag_field="kind", tag="azure"):
    """Requests carry an Entra token: of a client (secret, certificate, token file) or a machine."""

    tenant: str = ""
    client: str = ""
    secret: Secret | None = None
    certificate: str = ""
    token_file: str = ""
    scope: str = ""
    authority: str = ""


Credentials = AwsCredentials | GoogleCredentials | AzureCredentials


class Deployment(msgspec.Struct, frozen=True, dict=True):
    """A model at an address. `backend` is `openai` or `builtin/<kind>`; `urls` are replicas."""

    name: str
    backend: str
    model: Model
    hosting: Hosting
    region: str = ""
    provider: str = ""
    urls: tuple[str, ...] = ()
    key: Secret | None = None
    profile: str = ""
    price: Price | None = None
    hourly_cost: HourlyCost | None = None
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    tls: Tls = Tls()
    agreements: frozenset[str] = frozenset()
    attestation: str = ""
    retires: datetime.date | None = None
    quality: Mapping[str, float] = {}
    # The entry of the price list that stands in where `price` is left out (`openai/gpt-5-mini`).
    listed_as: str = ""
    # As whom we ask, in place of `key`. Not part of `identity`: it does not say where data goes.
    credentials: Credentials | None = None
    # Of a server that takes only prompts: a shipped template's name, or the path of a file.
    chat_template: str = ""
    # What it makes of texts: more text, or vectors. Never both.
    serves: Serves = "text"
    # Of `builtin/classify`: how many examples of each label it learns from; None: all.
    examples_per_label: int | None = None

    @cached_property
    def in_process(self) -> bool:
        """True when no byte leaves this process."""
        return self.backend.startswith("builtin/")

    @cached_property
    def identity(self) -> str:
        """A digest of all that decides where data goes; a Clearance holds this beside the name."""
        where = (self.name, self.backend, self.hosting.value, self.region, self.provider)
        terms = (sorted(self.agreements), self.attestation, self.model.licence, self.model.open)
        return digest_text("deployment", *where, self.model.name, *self.urls, terms)
