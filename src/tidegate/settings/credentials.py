"""What this node proves itself to Meta with, and Meta to it: replaced while the node runs."""

from collections.abc import Mapping

from tidegate.settings.tables import Settings


class Credentials:
    """Meta's tokens by account and by number, and what signs webhooks, as the file had them when it was read last.

    Whoever needs one looks it up when it is needed: a request that is under way keeps the token that it began with.
    """

    __slots__ = ("_of_numbers", "_of_wabas", "app_secrets", "verify_token", "version")

    def __init__(self, settings: Settings) -> None:
        self._of_wabas = {waba.id: waba.access_token.get_secret_value() for _, waba in settings.wabas}
        self._of_numbers = {number.id: self._of_wabas[waba.id] for _, waba, number in settings.numbers}
        self.verify_token, self.app_secrets = _of_webhook(settings)
        #: Grows with each replacement.
        self.version = 0

    @property
    def of_numbers(self) -> Mapping[str, str]:
        """The token that sends for each number (phone_number_id), now and from now on."""
        return self._of_numbers

    @property
    def of_wabas(self) -> Mapping[str, str]:
        """The token that acts for each account, now and from now on."""
        return self._of_wabas

    def replace(self, settings: Settings) -> list[str]:
        """Take those of a file that was read anew: the keys of the file that say something else now.

        An account that this node did not start with is none of its.
        """
        changed = []
        for _, waba in settings.wabas:
            token = waba.access_token.get_secret_value()
            if self._of_wabas.get(waba.id, token) != token:
                self._of_wabas[waba.id] = token
                self._of_numbers |= {number.id: token for number in waba.numbers if number.id in self._of_numbers}
                changed.append(f"access_token of {waba.id}")
        verify_token, app_secrets = _of_webhook(settings)
        if verify_token != self.verify_token:
            changed.append("webhook.verify_token")
        if app_secrets != self.app_secrets:
            changed.append("webhook.app_secrets")
        self.verify_token, self.app_secrets = verify_token, app_secrets
        self.version += bool(changed)
        return changed


def _of_webhook(settings: Settings) -> tuple[bytes, tuple[bytes, ...]]:
    webhook = settings.webhook
    secrets = tuple(secret.get_secret_value().encode() for secret in webhook.app_secrets)
    return webhook.verify_token.get_secret_value().encode(), secrets
