"""What Meta does to a WABA or to the whole portfolio.

Sources: Meta, "Policy enforcement and violations", "Template categorization", "Business portfolio pacing", "Direct
Send", "Health status", "Error codes", webhooks `account_update`, `account_alerts` and `account_review_update`.
"""

from typing import Final

from tidegate.policy.consequences.defaults.spelling import BLOCKED, LOCKED, rule

_WELL: Final = "health.WABA.AVAILABLE"
_VIOLATION: Final = "account.violation"
_RESTRICTION: Final = "account.restriction"
_MISUSE: Final = f"{_VIOLATION}.UTILITY_TEMPLATE_ABUSE"

ACCOUNTS: Final = (
    # C9: pacing drops what it held, and Meta looks into the business.
    rule(
        "portfolio_pacing",
        "error.135000.dropped",
        "portfolio",
        "stop 24h",
        BLOCKED,
        trickle="1/30m",
        probes=3,
        factor=2,
        longest="7d",
    ),
    # C10: a warning; the next one is a restriction.
    rule("violation", f"{_VIOLATION}.{{ADULT,SCAM,OTHER}}", "waba: marketing", "throttle 24h", share=0.5),
    # C11, C12: 1 or 3 days without templates; 5, 7 or 30 days without anything.
    rule(
        "no_business_initiated",
        f"{_RESTRICTION}.RESTRICTED_BIZ_INITIATED_MESSAGING",
        "waba",
        "stop expiration",
        BLOCKED,
        otherwise="1d",
        trickle="1/1m",
        probes=5,
    ),
    rule(
        "no_replies",
        f"{_RESTRICTION}.RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
        "waba: everything",
        "stop expiration",
        BLOCKED,
        proof=_WELL,
        trickle="1/1m",
        probes=5,
    ),
    rule("policy", "error.368", "waba", "stop 24h", BLOCKED, proof=_WELL, trickle="1/10m", factor=2, longest="7d"),
    rule(
        "restriction_of_a_new_kind", f"{_RESTRICTION}.OTHER", "waba: marketing", "stop expiration", BLOCKED, proof=_WELL
    ),
    rule(
        "restriction_not_of_messages", f"{_RESTRICTION}.RESTRICTED_{{ADD_PHONE_NUMBER_ACTION,*CALL*}}", "waba", "alert"
    ),
    # C13: somebody has to appeal, and then to say that it is over.
    rule("account_locked", "error.131031", "waba: everything", "stop proof", LOCKED),
    # C14: a ban, or the announcement of one. While it is only announced, Graph finds nothing wrong.
    rule(
        "banned",
        "account.ban.DISABLE",
        "waba: everything",
        "stop proof",
        LOCKED,
        proof=f"account.ban.REINSTATE {_WELL}",
    ),
    rule(
        "ban_announced",
        "account.ban.SCHEDULE_FOR_DISABLE",
        "waba: marketing",
        "stop proof",
        LOCKED,
        proof="account.ban.REINSTATE",
        trickle="1/1m",
        probes=5,
    ),
    rule("ban_of_a_new_kind", "account.ban.OTHER", "waba", "stop proof", LOCKED, proof=_WELL),
    rule("deleted", "account.event.ACCOUNT_DELETED", "waba: everything", "stop proof", LOCKED),
    rule(
        "offboarded",
        "account.event.ACCOUNT_OFFBOARDED",
        "waba: everything",
        "stop proof",
        LOCKED,
        proof=f"account.event.ACCOUNT_RECONNECTED {_WELL}",
    ),
    rule(
        "review", "account.review.REJECTED", "waba: everything", "stop proof", BLOCKED, proof="account.review.APPROVED"
    ),
    # C15 to C17: misuse of utility templates. Rate-limited: marketing and authentication are not concerned.
    rule("utility_misuse", _MISUSE, "waba: utility", "alert"),
    rule(
        "utility_limited",
        f"{_RESTRICTION}.RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
        "waba: utility",
        "stop expiration",
        BLOCKED,
        proof=f"{_MISUSE}_RATE_LIMIT_RECOVERY",
        otherwise="7d",
        trickle="1/10m",
        probes=3,
    ),
    rule(
        "utility_limit",
        "error.131064",
        "waba: utility",
        "stop 24h",
        BLOCKED,
        proof=f"{_MISUSE}_RATE_LIMIT_RECOVERY",
        trickle="1/10m",
        factor=2,
        longest="7d",
    ),
    rule(
        "utility_reclassified",
        f"{_RESTRICTION}.RESTRICTED_UTILITY_TEMPLATES",
        "waba: utility",
        "reclassify expiration",
        proof=f"{_MISUSE}_UNBAN",
        otherwise="7d",
    ),
    rule(
        "no_direct_send",
        f"{_RESTRICTION}.RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES",
        "waba: direct_send",
        "stop expiration",
        BLOCKED,
        otherwise="7d",
        trickle="1/10m",
    ),
    rule("direct_send", "error.139200", "waba: direct_send", "stop 24h", BLOCKED, trickle="1/1h"),
    # C21.
    rule("payment", "error.131042", "waba", "stop 1h", "budget", trickle="1/10m"),
    # The other endpoint of marketing still takes them, so it is the caller's to change.
    rule("marketing_endpoint", "error.131063", "waba: marketing", "alert"),
    rule("account_notice", "error.134011 account.event.PARTNER_* account.alert.*", "waba", "alert"),
    rule("account_limited", "health.{WABA,BUSINESS,APP}.LIMITED", "waba", "alert"),
    rule(
        "account_blocked", "health.WABA.BLOCKED", "waba", "stop proof", BLOCKED, proof="health.WABA.{AVAILABLE,LIMITED}"
    ),
    rule(
        "business_blocked",
        "health.BUSINESS.BLOCKED",
        "portfolio",
        "stop proof",
        BLOCKED,
        proof="health.BUSINESS.{AVAILABLE,LIMITED}",
    ),
    rule("app_blocked", "health.APP.BLOCKED", "token", "stop proof", BLOCKED, proof="health.APP.{AVAILABLE,LIMITED}"),
)
