"""Every signal that may stop sends is told in words that need no table."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.consequences.vocabulary import NAMES
from tidegate.policy.consequences.worded import in_words


@pytest.mark.parametrize("rule", DEFAULTS)
def test_there_are_words_for_all_that_trips(rule: str):
    names = [
        name for name in sorted((*NAMES, "error.unlisted.4711")) for on in DEFAULTS[rule].on if fnmatchcase(name, on)
    ]
    assert names
    for name in names:
        assert re.match("(Meta|the|somebody|something|a|early warning) ?", in_words(name)), name
        assert name not in in_words(name)


def test_there_are_words_for_all_signals():
    assert [name for name in sorted(NAMES) if in_words(name) == name] == []


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        pytest.param("template.status.PAUSED", "Meta paused the template", id="a status"),
        pytest.param("template.quality.RED", "Meta rates the template RED", id="a colour"),
        pytest.param("error.132015", "Meta refused a send: 132015, Template is Paused", id="a refusal"),
        pytest.param("error.4", "Meta refused a call: 4, API Too Many Calls", id="a refusal of any call"),
        pytest.param(
            "error.135000.dropped",
            "Meta dropped a send that it had taken: 135000, Dropped by portfolio pacing",
            id="a drop",
        ),
        pytest.param(
            "error.unlisted.4711", "Meta refused a send with a code that is not known: 4711", id="a code of tomorrow"
        ),
        pytest.param(
            "account.violation.OTHER (SPAM)",
            "Meta says that the account broke its policy: OTHER (SPAM)",
            id="one with a word of Meta's",
        ),
        pytest.param(
            "error.132015, which does not say which template",
            "Meta refused a send: 132015, Template is Paused, which does not say which template",
            id="one that names nobody",
        ),
        pytest.param(
            "health.MESSAGE_TEMPLATE.BLOCKED",
            "Meta's health status says that the template may not send",
            id="a health status",
        ),
        pytest.param(
            "warning.template.opt_out.stop",
            "early warning for the template: bad enough to stop (more users than usual opt out)",
            id="an early warning",
        ),
        pytest.param("warning.number.unread.calm", "early warning for the number: all is as usual again", id="its end"),
        pytest.param("closed by ann: it is over", "closed by ann: it is over", id="words are left as they are"),
        pytest.param("token.refused", "token.refused", id="so is a signal that is not known"),
        pytest.param("token", "token", id="so is a single word"),
    ],
)
def test_a_cause_in_words(cause: str, words: str):
    assert in_words(cause) == words
