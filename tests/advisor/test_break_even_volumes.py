import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.advisor.economics.api import Prices, blended_usd_per_million
from aihandler.advisor.economics.break_even import fixed_machines, of_staircase
from aihandler.advisor.economics.reference import gpu_prices, serving_points
from aihandler.advisor.economics.throughput import Target, Throughput, measured
from aihandler.ledger.pricing.book import PriceBook
from aihandler.ledger.pricing.shipped import shipped_list

STAFF_USD = Fraction(200_000, 12) / 5
SECONDS = 730 * 3600
