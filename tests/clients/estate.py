"""What each client library has to itself: numbers, accounts and users, in the gateway and on the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate.settings import hash_key
from tidegate.simulator.config import NumberConfig, PortfolioConfig, WabaConfig
from tidegate.simulator.config import TemplateConfig as Template

TEMPLATES: Final = (
    Template("order_confirmation", "UTILITY"),
    Template("black_friday_offer", "MARKETING"),
    Template("login_code", "AUTHENTICATION"),
    Template("winback", "MARKETING"),
    Template("newsletter", "MARKETING"),
)
_ROOMY: Final = 250
#: One place: the stage takes it, so that whatever comes next waits.
_FULL: Final = 1
_ESTATE: Final = """
[[app]]
name = "{estate.name}"
key_sha256 = ["{key_sha256}", "{token_sha256}"]
own_token = true
scopes = ["send", "read"]
numbers = ["{estate.room}", "{estate.slow}"]
[[app]]
name = "{estate.name}-full"
key_sha256 = "{full_key_sha256}"
scopes = ["send", "read"]
numbers = ["{estate.full}"]
[[portfolio]]
id = "roomy-{estate.name}"
messaging_limit = {roomy}
[[portfolio.waba]]
id = "{estate.waba}"
access_token = "{estate.token}"
number = [
  {{ id = "{estate.room}", display_phone_number = "{estate.digits}1" }},
  {{ id = "{estate.slow}", display_phone_number = "{estate.digits}2", throughput = 1 }},
]
[[portfolio]]
id = "full-{estate.name}"
messaging_limit = {full}
[[portfolio.waba]]
id = "{estate.full_waba}"
access_token = "{estate.full_token}"
number = [{{ id = "{estate.full}", display_phone_number = "{estate.digits}3" }}]
"""


@dataclass(frozen=True, slots=True)
class Estate:
    """What one library has to itself: numbers with room, at one message per second, and at a full limit."""

    index: int

    @property
    def name(self) -> str:
        return f"client-{self.index}"

    @property
    def digits(self) -> str:
        return f"15550{self.index:05}"

    @property
    def room(self) -> str:
        return f"1065403522{self.index:04}1"

    @property
    def slow(self) -> str:
        return f"1065403522{self.index:04}2"

    @property
    def full(self) -> str:
        return f"1065403522{self.index:04}3"

    @property
    def waba(self) -> str:
        return f"1022901293{self.index:04}8"

    @property
    def full_waba(self) -> str:
        return f"1022901293{self.index:04}9"

    @property
    def token(self) -> str:
        """Meta's, which opens one account: the gateway lets no file through on one that opens more."""
        return f"EAAG-simulated-token-of-{self.waba}"

    @property
    def full_token(self) -> str:
        return f"EAAG-simulated-token-of-{self.full_waba}"

    def user(self, nth: int) -> str:
        """A user whom no other library writes to."""
        return f"16505{self.index:03}{nth:03}"

    def key_for(self, number: str) -> str:
        """The key of the app that a number belongs to."""
        return f"tg_of-{self.name}" if number != self.full else f"tg_of-{self.name}-full"

    def login(self, url: str, number: str, key: str | None = None) -> dict[str, str]:
        """What a library's client is made with."""
        return {"url": url, "key": key or self.key_for(number), "number": number, "waba": self.waba}

    def configured(self) -> str:
        return _ESTATE.format(
            estate=self,
            key_sha256=hash_key(self.key_for(self.room)),
            token_sha256=hash_key(self.token),
            full_key_sha256=hash_key(self.key_for(self.full)),
            roomy=_ROOMY,
            full=_FULL,
        )

    def imitated(self) -> tuple[PortfolioConfig, PortfolioConfig]:
        room, slow = NumberConfig(self.room, f"{self.digits}1"), NumberConfig(self.slow, f"{self.digits}2")
        roomy = WabaConfig(self.waba, self.token, (room, slow), TEMPLATES)
        full = WabaConfig(self.full_waba, self.full_token, (NumberConfig(self.full, f"{self.digits}3"),), TEMPLATES)
        return (
            PortfolioConfig(
                f"roomy-{self.name}", (roomy,), messaging_limit=_ROOMY, business_id=f"5069143{self.index}1"
            ),
            PortfolioConfig(f"full-{self.name}", (full,), messaging_limit=_FULL, business_id=f"5069143{self.index}2"),
        )
