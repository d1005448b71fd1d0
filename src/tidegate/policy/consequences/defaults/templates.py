"""What Meta, and early warning, say of templates.

Which states of a template can be sent at all is a fact of the standing; here is what was done to one for its quality.
Sources: Meta, "Template quality rating", "Template pausing", "Template pacing", "Template categorization", "Error
codes", webhooks `message_template_status_update` and `template_category_update`.
"""

from typing import Final

from tidegate.policy.consequences.defaults.spelling import HALTED, PAUSED, rule

_APPROVED: Final = "template.status.{APPROVED,REINSTATED,UNPAUSE}"

TEMPLATES: Final = (
    # C7: 3 h, 6 h (the signal tells), then for ever. What pacing has paused has to be unpaused by hand.
    rule(
        "template_paused",
        "template.status.PAUSED error.132015 error.132015.dropped",
        "template",
        "stop 3h",
        reason=PAUSED,
        proof=_APPROVED,
        trickle="1/1m",
        probes=3,
    ),
    rule(
        "template_disabled",
        "template.status.DISABLED error.132016",
        "template",
        "stop proof",
        "template_disabled",
        proof=_APPROVED,
    ),
    rule(
        "template_unknown",
        "error.{132001,141002}",
        "template",
        "hold 10m",
        "template_unknown",
        proof=_APPROVED,
        trickle="1/1m",
    ),
    rule(
        "template_red",
        "template.quality.RED",
        "template",
        "stop 24h",
        PAUSED,
        proof="template.quality.{GREEN,YELLOW}",
        trickle="1/1m",
        probes=5,
    ),
    rule(
        "template_yellow",
        "template.quality.YELLOW",
        "template",
        "throttle 7d",
        share=0.5,
        proof="template.quality.GREEN",
    ),
    # C8: Meta looks at the first messages, mostly for less than an hour; the rest of a campaign waits for what it says.
    rule(
        "template_held",
        "template.held",
        "template",
        "hold 1h",
        HALTED,
        proof="message.delivered template.quality.GREEN",
        trickle="1/1m",
    ),
    rule("template_syncing", "error.134101", "template", "hold 10m", PAUSED),
    rule("flow_blocked", "error.132068", "template", "stop 1h", PAUSED, trickle="1/10m"),
    # Meta lets 10 messages an hour through with such a flow.
    rule("flow_throttled", "error.132069", "template", "hold 6m", PAUSED, trickle="10/1h"),
    rule(
        "template_blocked",
        "health.MESSAGE_TEMPLATE.BLOCKED",
        "template",
        "stop proof",
        PAUSED,
        proof="health.MESSAGE_TEMPLATE.{AVAILABLE,LIMITED}",
    ),
    # C15, C17 begin with a change of category; C23: 28 days to undo it. FLAGGED is a warning.
    rule("template_category", "template.category.{changed,upcoming}", "template", "alert"),
    rule("template_notice", "template.status.{ARCHIVED,FLAGGED}", "template", "alert"),
    # Early warning never stands in the way of a login code.
    rule("template_warning", "warning.template.*.throttle", "template: marketing", "throttle 24h", share=0.5),
    rule(
        "template_alarm",
        "warning.template.*.stop",
        "template: marketing",
        "stop 24h",
        HALTED,
        trickle="1/1m",
        probes=20,
    ),
)
