"""The rules that are in force without a word of the operator's.

C1 to C23 are what a sender may suffer, from a messaging limit that is reached to a template that is archived. C1 has
no rule here: Meta says nothing when it is reached, and the ledger counts. Nor have errors that concern one message
only. Spans that Meta names are Meta's; where it names none the rule says how long we wait and how we try again. What
Graph is asked again and again (a colour, a status) holds for its span from the last time that it was so.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.policy.consequences.defaults.accounts import ACCOUNTS
from tidegate.policy.consequences.defaults.numbers import NUMBERS
from tidegate.policy.consequences.defaults.templates import TEMPLATES
from tidegate.policy.consequences.defaults.upstream import UPSTREAM
from tidegate.policy.consequences.defaults.users import USERS
from tidegate.policy.consequences.rule import ConsequenceRule

DEFAULTS: Final[Mapping[str, ConsequenceRule]] = MappingProxyType(
    {rule.id: rule for rule in (*UPSTREAM, *USERS, *TEMPLATES, *NUMBERS, *ACCOUNTS)}
)
"""By id, in the order of explanation."""
