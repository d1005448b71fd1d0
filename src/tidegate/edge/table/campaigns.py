"""The rows of the route table about campaigns."""

from __future__ import annotations

from typing import Final

from tidegate.edge.control.campaign_report import read_report
from tidegate.edge.control.campaign_verbs import cancel_campaign, pause_campaign, resume_campaign, start_campaign
from tidegate.edge.control.campaigns import create_campaign, delete_campaign, list_campaigns, read_campaign
from tidegate.edge.control.outcomes import take_outcomes
from tidegate.edge.control.plan import plan_campaign
from tidegate.edge.control.recipients import read_rejected, upload_audience
from tidegate.edge.control.results import STATES, read_results
from tidegate.edge.control.upgrade import read_upgrade
from tidegate.edge.shapes import TEXT
from tidegate.edge.table.endpoint import Endpoint, Parameter
from tidegate.settings.tables import Scope

_PATH: Final = "/gateway/v1/campaigns"
_ONE: Final = f"{_PATH}/{{campaign}}"
_READ: Final = (Scope.READ,)
_OWN: Final = (Scope.SEND, Scope.ADMIN)
_STOPS: Final = (*_OWN, Scope.ONCALL)
_MOVED: Final = {200: "Campaign", 409: "Problem"}

CAMPAIGNS: Final = (
    Endpoint("GET", _PATH, "The campaigns", {200: "Campaigns"}, _READ, list_campaigns),
    Endpoint(
        "POST",
        _PATH,
        "Order a campaign",
        {201: "Campaign", 409: "Problem", 422: "Refused"},
        _OWN,
        create_campaign,
        body="CampaignOrder",
        parameters=(
            Parameter("Idempotency-Key", "header", "the same key and body get the first answer again, for 24 h", TEXT),
        ),
    ),
    Endpoint("GET", _ONE, "One campaign", {200: "Campaign"}, _READ, read_campaign),
    Endpoint(
        "DELETE",
        _ONE,
        "Forget a draft, or what is over",
        {200: "CampaignDeleted", 409: "Problem"},
        _OWN,
        delete_campaign,
    ),
    Endpoint("POST", f"{_ONE}/start", "Start a campaign", _MOVED, _OWN, start_campaign, body="CampaignReason"),
    Endpoint(
        "POST", f"{_ONE}/pause", "Stop a campaign", _MOVED, (*_OWN, Scope.ONCALL), pause_campaign, body="CampaignReason"
    ),
    Endpoint("POST", f"{_ONE}/resume", "Go on with a campaign", _MOVED, _OWN, resume_campaign, body="CampaignReason"),
    Endpoint("POST", f"{_ONE}/cancel", "End a campaign", _MOVED, _OWN, cancel_campaign, body="CampaignReason"),
    Endpoint(
        "POST",
        f"{_ONE}/audience",
        "Upload the audience of a draft",
        {200: "AudienceTaken", 408: "Problem", 409: "Problem", 413: "Problem", 415: "Problem", 422: "Problem"},
        _OWN,
        upload_audience,
        body_types=("application/x-ndjson", "text/csv"),
    ),
    Endpoint(
        "GET",
        f"{_ONE}/audience/errors",
        "The lines of the audience that were rejected",
        {200: ""},
        _READ,
        read_rejected,
        answer_types=("application/x-ndjson",),
    ),
    Endpoint("GET", f"{_ONE}/report", "The variants of a campaign, compared", {200: "Report"}, _READ, read_report),
    Endpoint(
        "POST",
        "/gateway/v1/outcomes",
        "Report what became of a campaign's sends",
        {200: "OutcomesTaken"},
        (Scope.SEND,),
        take_outcomes,
        body="Outcomes",
    ),
    Endpoint(
        "POST",
        f"{_PATH}:plan",
        "How a campaign would go",
        {200: "Plan", 409: "Problem", 422: "Refused", 429: "Problem"},
        _READ,
        plan_campaign,
        body="PlanOrder",
    ),
    Endpoint(
        "GET",
        "/gateway/v1/portfolios/{portfolio}/upgrade",
        "What is missing for the next messaging limit",
        {200: "Upgrade"},
        _READ,
        read_upgrade,
    ),
    Endpoint(
        "GET",
        f"{_ONE}/recipients",
        "What became of each recipient",
        {200: ""},
        _READ,
        read_results,
        parameters=(
            Parameter("state", "query", "only those in this state", {"type": "string", "enum": list(STATES)}),
            Parameter(
                "format", "query", "ndjson, unless csv is asked for", {"type": "string", "enum": ["ndjson", "csv"]}
            ),
        ),
        answer_types=("application/x-ndjson", "text/csv"),
    ),
)
