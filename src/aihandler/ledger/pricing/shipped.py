"""The price list that comes with the package: a part of the community's, of the day it names."""

import gzip
import json
from decimal import Decimal
from importlib.resources import files
from typing import Any

from aihandler.domain.keys import digest_text
from aihandler.ledger.pricing.community import CommunityList

FILE = "list.json.gz"


def read_shipped() -> CommunityList:
    """Reads the list; `tools/make_price_list.py` makes it."""
    body = gzip.decompress(files("aihandler.ledger.pricing").joinpath(FILE).read_bytes())
    listed: dict[str, Any] = json.loads(body, parse_float=Decimal)
    source = f"{listed['source']} {digest_text('list', body.decode())}"
    return CommunityList(listed["models"], source=source, as_of=listed["as_of"])
