"""What Meta, and early warning, say of a business phone number.

Sources: Meta, "Error codes", "Messaging limits" (and its page of before October 2025), the phone number node, "Health
status", webhooks `phone_number_quality_update`, `phone_number_name_update` and `security`.
"""

from typing import Final

from tidegate.policy.consequences.defaults.spelling import HALTED, STANDING, rule

_CONNECTED: Final = "number.status.CONNECTED"
_UNUSABLE: Final = "number.status.{BANNED,DELETED,DISCONNECTED,MIGRATED,PENDING,UNVERIFIED}"

NUMBERS: Final = (
    # C4: Meta names no time. Each probe that fails doubles the wait.
    rule("spam_rate", "error.131048", "number", "hold 1h", STANDING, trickle="1/1m", probes=5, factor=2, longest="24h"),
    # C5, C6: the colour is the reception of 7 days, and only a read tells it.
    rule(
        "number_yellow",
        "number.quality.YELLOW",
        "number: marketing",
        "throttle 7d",
        share=0.5,
        proof="number.quality.GREEN",
    ),
    rule(
        "number_red",
        "number.quality.RED",
        "number: marketing",
        "stop 7d",
        STANDING,
        proof="number.quality.{GREEN,YELLOW}",
        trickle="1/1m",
        probes=5,
    ),
    # Before October 2025: one that is flagged, and not better within 7 days, loses a tier and is connected again.
    rule(
        "number_flagged",
        "number.event.FLAGGED number.status.FLAGGED",
        "number: marketing",
        "stop 7d",
        STANDING,
        proof=f"number.event.UNFLAGGED {_CONNECTED}",
        trickle="1/1m",
        probes=5,
    ),
    # Before October 2025: nothing but replies until the moving 24 hours have let go.
    rule("number_restricted", "number.status.RESTRICTED", "number", "hold 24h", STANDING, proof=_CONNECTED),
    rule("number_rate_limited", "number.status.RATE_LIMITED", "number", "hold 1h", STANDING, proof=_CONNECTED),
    rule("number_downgraded", "number.event.DOWNGRADE", "number", "alert"),
    rule("number_unusable", f"{_UNUSABLE} error.33", "number: everything", "stop proof", STANDING, proof=_CONNECTED),
    # C21: to be registered again, or given its certificate, by somebody; `status` need not show it.
    rule(
        "number_unregistered",
        "error.{131045,133010}",
        "number: everything",
        "stop 15m",
        STANDING,
        proof=_CONNECTED,
        trickle="1/5m",
    ),
    rule("registration_wait", "error.133015", "number: everything", "hold 5m", STANDING),
    rule(
        "display_name",
        "error.131037",
        "number: everything",
        "stop 1h",
        STANDING,
        proof="number.name.{APPROVED,AVAILABLE_WITHOUT_REVIEW}",
        trickle="1/10m",
    ),
    rule("display_name_refused", "number.name.{DECLINED,EXPIRED,REJECTED}", "number", "alert"),
    rule("pin", "number.security.*", "number", "alert"),
    rule(
        "number_blocked",
        "health.PHONE_NUMBER.BLOCKED",
        "number: everything",
        "stop proof",
        STANDING,
        proof="health.PHONE_NUMBER.{AVAILABLE,LIMITED}",
    ),
    # Early warning never stands in the way of a login code.
    rule("number_warning", "warning.number.*.throttle", "number: marketing", "throttle 24h", share=0.5),
    rule("number_alarm", "warning.number.*.stop", "number: marketing", "stop 24h", HALTED, trickle="1/1m", probes=20),
    rule("category_warning", "warning.category.*.throttle", "category: marketing", "throttle 24h", share=0.5),
    rule(
        "category_alarm",
        "warning.category.*.stop",
        "category: marketing",
        "stop 24h",
        HALTED,
        trickle="1/1m",
        probes=20,
    ),
)
