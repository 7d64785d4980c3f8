"""Numbers as a profile writes them: never below zero, decimals exact."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Headcount = Annotated[int, Meta(ge=1)]
Amount = Annotated[Decimal, Meta(extra_json_schema={"minimum": 0})]
# The lowest and the highest.
Span = Annotated[tuple[Amount, Amount], Meta(description="the lowest and the highest")]
