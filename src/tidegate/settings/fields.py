"""Kinds of field that the settings' tables are made of; each refuses without repeating the value."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr, StrictInt

from tidegate.cloudapi.vocabulary import read_limit
from tidegate.policy.duration import Duration
from tidegate.settings.app_keys import ENVIRONMENT


def _listed(written: Any) -> Any:
    return [written] if isinstance(written, str) else written


def _read_graph_id(written: Any) -> str:
    # Ids are digits, so people leave the quotes away.
    text = str(written) if isinstance(written, int) and not isinstance(written, bool) else written
    if not isinstance(text, str) or not re.fullmatch(r"[1-9][0-9]{0,19}", text):
        raise ValueError("must be an id of the Graph API: 1 to 20 digits, the first of them no 0")
    return text


def _read_limit(written: Any) -> int:
    limit = read_limit(written)
    if limit is None:
        raise ValueError("must be a tier (TIER_250, TIER_2K, TIER_10K, TIER_100K, TIER_UNLIMITED) or a number")
    return limit


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 _ . - and begin with a letter or a digit")
    return name


def _checked_display_number(display: str) -> str:
    if not re.fullmatch(r"\+?[0-9][0-9 ()-]{5,29}", display):
        raise ValueError("must be a phone number: digits, optionally + at its front")
    return display


def _checked_key_hash(key_hash: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", key_hash):
        raise ValueError("must be 64 hexadecimal digits (`tidegate keys create` prints the line)")
    return key_hash.lower()


def _checked_environment(name: str) -> str:
    if not ENVIRONMENT.fullmatch(name):
        raise ValueError("must be 1 to 16 of a-z 0-9 and begin with a letter, such as prod, stage or dev")
    return name


def _checked_header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name):
        raise ValueError("must be the name of a header, such as X-Real-IP")
    return name


def _checked_listen(listen: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/]+):([0-9]{1,5})", listen)
    if match is None or int(match[2]) > 65_535:
        raise ValueError('must be host:port, such as "127.0.0.1:8080" or "[::1]:8080"')
    return listen


def _checked_http_url(url: str) -> str:
    wanted = 'must be an address such as "https://host" or "https://host/path"'
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or port == 0:
        raise ValueError(wanted)
    if re.search(r"[\x00-\x20\x7f]", url) or parts.fragment:
        raise ValueError(wanted)
    if parts.username is not None:
        raise ValueError("must not carry a user name or password")
    return url


def _checked_base_url(url: str) -> str:
    if "?" in _checked_http_url(url):
        raise ValueError("must not carry a query")
    return url.rstrip("/")


def _checked_path_prefix(prefix: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}/?", prefix):
        raise ValueError('must be a path such as "/wa" or "/wa/shop"')
    if re.fullmatch(r"v?[0-9][0-9.]*", prefix.split("/")[1]):
        raise ValueError("must not begin like a path of Graph's, with a version or an id")
    return prefix.rstrip("/")


def _checked_origin(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?]+", _checked_base_url(url)):
        raise ValueError('must be an address without a path, such as "https://host"')
    return url.rstrip("/")


def _checked_store_url(url: SecretStr) -> SecretStr:
    # The network schemes are read by the store's client; here only what no store could be meant by.
    if not re.fullmatch(r"embedded:.+|(unix|rediss?|redis\+sentinel|redis\+cluster)://.+", url.get_secret_value()):
        raise ValueError(
            "must begin with embedded:, redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, "
            "and name a directory, a socket or a host"
        )
    return url


def _checked_token(token: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", token.get_secret_value()):
        raise ValueError("must not be empty, and printable ASCII without spaces")
    return token


def _checked_secret(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("must not be empty")
    return secret


def _checked_key(key: SecretBytes) -> SecretBytes:
    if len(key.get_secret_value()) < 32:
        raise ValueError("must be at least 32 random bytes (`openssl rand -base64 32` makes a good one)")
    return key


def _checked_wait(span_ms: int) -> int:
    if span_ms == 0:
        raise ValueError("must be longer than 0")
    return span_ms


GraphId = Annotated[str, BeforeValidator(_read_graph_id)]
Limit = Annotated[int, BeforeValidator(_read_limit)]
Name = Annotated[str, Field(strict=True), AfterValidator(_checked_name)]
DisplayNumber = Annotated[str, Field(strict=True), AfterValidator(_checked_display_number)]
KeyHash = Annotated[str, Field(strict=True), AfterValidator(_checked_key_hash)]
KeyHashes = Annotated[tuple[KeyHash, ...], BeforeValidator(_listed), Field(min_length=1)]
Share = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
TemplatePattern = Annotated[str, Field(strict=True, min_length=1, max_length=512)]
Environment = Annotated[str, Field(strict=True), AfterValidator(_checked_environment)]
HeaderName = Annotated[str, Field(strict=True), AfterValidator(_checked_header_name)]
Listen = Annotated[str, Field(strict=True), AfterValidator(_checked_listen)]
HttpUrl = Annotated[str, Field(strict=True), AfterValidator(_checked_http_url)]
BaseUrl = Annotated[str, Field(strict=True), AfterValidator(_checked_base_url)]
Origin = Annotated[str, Field(strict=True), AfterValidator(_checked_origin)]
PathPrefix = Annotated[str, Field(strict=True), AfterValidator(_checked_path_prefix)]
StoreUrl = Annotated[SecretStr, AfterValidator(_checked_store_url)]
Token = Annotated[SecretStr, AfterValidator(_checked_token)]
Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_listed), Field(min_length=1)]
Key = Annotated[SecretBytes, AfterValidator(_checked_key)]
AtLeastOne = Annotated[StrictInt, Field(ge=1)]
#: Bytes of webhooks; one of Meta's bodies has 3 MB at most, and has to find room.
WebhookRoom = Annotated[StrictInt, Field(ge=4_000_000)]
Wait = Annotated[Duration, AfterValidator(_checked_wait)]
