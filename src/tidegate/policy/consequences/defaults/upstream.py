"""What Meta answers when it cannot, or will not, take sends or calls for a while.

Sources: Meta, "Error codes", "Throughput", "About the platform" (pair rate), "Graph API rate limits".
"""

from typing import Final

from tidegate.policy.consequences.defaults.spelling import BLOCKED, THROTTLED, rule

UPSTREAM: Final = (
    # C2: AIMD. From nothing to all in a minute: of 80 messages a second, 1.3 more each second.
    rule("throughput", "error.130429", "number: everything", "throttle", share=0.5, recover="1m"),
    # C3: Meta asks to wait 4^x s; the largest burst, of 45, is paid back after 45 x 6 s.
    rule(
        "pair_rate",
        "error.131056",
        "pair: everything",
        "hold 1s",
        "pair_rate",
        trickle="1/6s",
        factor=4,
        longest="256s",
    ),
    # An upgrade of the throughput takes up to a minute.
    rule("maintenance", "error.{131057,2494100}", "number: everything", "hold 90s", THROTTLED),
    rule(
        "unavailable",
        "error.{2,131016,133004}",
        "number: everything",
        "hold 5s",
        THROTTLED,
        after="5/1m",
        trickle="1/5s",
        factor=2,
        longest="5m",
    ),
    # C22: calling on while throttled makes the block longer. A send is no management call.
    rule("management_calls", "error.{4,17,32,341,613,80007,80008}", "waba", "pause_polling 10m"),
    # The limit of the whole app, met by sends: no reads come as often as that.
    rule(
        "app_calls",
        "error.{4,17,32,341,613}",
        "token: everything",
        "hold 1m",
        THROTTLED,
        after="20/1m",
        trickle="1/1m",
        factor=2,
        longest="1h",
    ),
    # C21. A token is one WABA's, so no other door closes with it.
    rule("token", "error.{0,190}", "token: everything", "stop 5m", BLOCKED, proof="token.accepted", trickle="1/1m"),
    # A single one of these may be an odd request of one app's.
    rule(
        "permission",
        "error.{3,10,131005,2??}",
        "token: everything",
        "stop 5m",
        BLOCKED,
        after="5/1m",
        trickle="1/1m",
        factor=2,
        longest="1h",
    ),
    rule("unlisted_error", "error.unlisted.*", "number", "alert"),
)
