"""What keeps one user from being written to.

Sources: Meta, "Error codes", "Per-user marketing template message limits", "Experiments", webhook `user_preferences`.
"""

from typing import Final

from tidegate.policy.consequences.defaults.spelling import SUPPRESSED, rule

USERS: Final = (
    # C18, C19: at least a day for this user; trying again earlier makes it longer.
    rule("user_marketing_limit", "error.131049", "recipient: marketing", "hold 24h", "user_marketing_limit"),
    # C20. The user's own word, and the newest of it counts: there is nothing to read from Graph.
    rule("opt_out", "error.131050 preference.stop", "recipient: marketing", "opt_out"),
    rule("opt_in", "preference.resume", "recipient: marketing", "opt_in"),
    # Meta's experiment spares users who have written: their window is open.
    rule(
        "experiment",
        "error.130472",
        "recipient: marketing",
        "suppress 30d",
        SUPPRESSED,
        proof="message.received",
        trickle="1/1h",
    ),
    rule(
        "undeliverable",
        "error.131026",
        "recipient",
        "suppress 30d",
        SUPPRESSED,
        after="3 in a row",
        proof="message.delivered message.received",
        trickle="1/1h",
    ),
    # Somebody at the business has blocked the user, and only they can say that it is over.
    rule("blocked_by_business", "error.130403", "recipient: everything", "suppress proof", SUPPRESSED),
    # The country is the user's: the user is the smallest scope that the code itself proves.
    rule("country", "error.130497", "recipient: everything", "suppress 30d", SUPPRESSED),
    rule("identity_changed", "error.137000", "recipient: everything", "suppress 1h", SUPPRESSED),
    rule("window_closed", "error.131047", "pair: everything", "close_window"),
)
