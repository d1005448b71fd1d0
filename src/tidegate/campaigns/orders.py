"""Orders of campaigns, read with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.errors import BadConfiguration, Fault
from tidegate.policy.campaign.order import Order
from tidegate.policy.campaign.spec import Campaign
from tidegate.settings.faults import faults_of


def read_order(written: Mapping[str, Any]) -> Order:
    """The order of these JSON values (its audience is no part of it). Raises BadConfiguration with every fault."""
    try:
        return Order.model_validate(written)
    except ValidationError as error:
        faults = tuple(fault for _, fault in faults_of(error, Order))
    raise BadConfiguration(faults)


def make_campaign(
    written: Mapping[str, Any], campaign_id: str, portfolio: str, app: str, created_at_ms: int
) -> Campaign:
    """The campaign that these JSON values order at that time. Raises BadConfiguration."""
    order = read_order(written)
    try:
        return order.campaign(campaign_id, portfolio, app, created_at_ms, written)
    except ValueError as error:
        path, _, problem = str(error).partition(": ")
        raise BadConfiguration((Fault(path, problem),)) from None
