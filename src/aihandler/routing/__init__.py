"""In which order deployments are tried, and what happens between attempts."""

from aihandler.routing.health import Health
from aihandler.routing.order import Ordering, order
from aihandler.routing.retry import RetryBudget, delay_s, may_retry

__all__ = ["Health", "Ordering", "RetryBudget", "delay_s", "may_retry", "order"]
