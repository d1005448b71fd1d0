"""Secrets that stand in files of their own."""

from pathlib import Path

import pytest

from tests.unit.settings.conftest import FaultFinder, Loader
from tidegate.errors import Fault
from tidegate.settings.secret_files import LARGEST_BYTES


@pytest.mark.parametrize(
    ("line", "key", "content", "value"),
    [
        pytest.param(
            'verify_token = "hub-verify-token"',
            "verify_token",
            b"from-a-file\n",
            "from-a-file",
            id="the line end of an editor is no part of it",
        ),
        pytest.param(
            'access_token = "EAAGsystemusertoken"',
            "access_token",
            b"EAAGx\r\n",
            "EAAGx",
            id="nor is that of another system",
        ),
        pytest.param(
            'identity_key = "identity-identity-identity-key-32"',
            "identity_key",
            b"i" * 32,
            b"i" * 32,
            id="a key of text",
        ),
        pytest.param(
            'payload_key = "payload-payload-payload-key-32byt"',
            "payload_key",
            b"\xff" * 31 + b"\n",
            b"\xff" * 31 + b"\n",
            id="a key of random bytes keeps every byte",
        ),
        pytest.param('webhook_secret = "relay-signing-secret"', "webhook_secret", b"s 1", "s 1", id="an app's secret"),
        pytest.param(
            'url = "embedded:./data"',
            "url",
            b"rediss://u:p@h:1/0\n",
            "rediss://u:p@h:1/0",
            id="a store's URL, which may hold a password",
        ),
    ],
)
def test_a_secret_is_read_from_its_file(
    loaded: Loader, tmp_path: Path, line: str, key: str, content: bytes, value: str | bytes
) -> None:
    (tmp_path / "a-secret").write_bytes(content)
    settings = loaded((line, f'{key}_file = "a-secret"'))
    found = {
        "verify_token": settings.webhook.verify_token,
        "access_token": settings.portfolios[0].wabas[0].access_token,
        "identity_key": settings.privacy.identity_key,
        "payload_key": settings.privacy.payload_key,
        "webhook_secret": settings.apps[0].webhook_secret,
        "url": settings.store.url,
    }[key]
    assert found is not None
    assert found.get_secret_value() == value


APP_SECRETS = 'app_secrets = ["current-app-secret", "previous-app-secret"]'


def test_app_secrets_stand_one_a_line(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("one\n\n two \r\nthree")
    settings = loaded((APP_SECRETS, 'app_secrets_file = "secrets"'))
    assert [secret.get_secret_value() for secret in settings.webhook.app_secrets] == ["one", "two", "three"]


def test_an_absolute_path_is_taken_as_it_is(loaded: Loader, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "token").write_text("t")
    settings = loaded(('verify_token = "hub-verify-token"', f"verify_token_file = '{elsewhere / 'token'}'"))
    assert settings.webhook.verify_token.get_secret_value() == "t"


def test_the_environment_replaces_a_secret_by_a_file_and_a_file_by_a_secret(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file")
    by_file = loaded(environ={"TIDEGATE_WEBHOOK__VERIFY_TOKEN_FILE": "token"})
    assert by_file.webhook.verify_token.get_secret_value() == "from-file"
    in_file = ('verify_token = "hub-verify-token"', 'verify_token_file = "token"')
    by_value = loaded(in_file, environ={"TIDEGATE_WEBHOOK__VERIFY_TOKEN": "from-environment"})
    assert by_value.webhook.verify_token.get_secret_value() == "from-environment"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param('"nowhere"', "the file cannot be read: No such file or directory", id="no such file"),
        pytest.param('"."', "the file cannot be read: Is a directory", id="a directory"),
        pytest.param('""', "must be the path of a file", id="an empty path"),
        pytest.param('"a\\u0000b"', "must be the path of a file", id="a path with a NUL"),
        pytest.param("7", "must be the path of a file", id="a number"),
        pytest.param('"huge"', f"the file is larger than {LARGEST_BYTES} bytes", id="a file that is no secret"),
    ],
)
def test_a_file_that_gives_no_secret_is_one_fault(
    faults: FaultFinder, tmp_path: Path, written: str, problem: str
) -> None:
    (tmp_path / "huge").write_bytes(b"x" * (LARGEST_BYTES + 1))
    found = faults(('verify_token = "hub-verify-token"', f"verify_token_file = {written}"))
    assert found == (Fault("webhook.verify_token_file", problem),)


def test_a_secret_given_twice_is_a_fault(faults: FaultFinder) -> None:
    assert faults((APP_SECRETS, f'{APP_SECRETS}\napp_secrets_file = "x"')) == (
        Fault("webhook.app_secrets_file", "given twice: as app_secrets and as app_secrets_file"),
    )


def test_a_file_that_holds_a_bad_secret_is_a_fault_of_the_secret(faults: FaultFinder, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short\n")
    [fault] = faults(('identity_key = "identity-identity-identity-key-32"', 'identity_key_file = "short"'))
    assert (fault.path, "32" in fault.problem) == ("privacy.identity_key", True)
