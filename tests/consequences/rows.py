"""What Meta tells without being asked to send: by webhook, or when Graph is read."""

from __future__ import annotations

from typing import Final

from tests.consequences.told_of_accounts import TOLD_OF_ACCOUNTS
from tests.consequences.told_of_numbers import TOLD_OF_NUMBERS
from tests.consequences.told_of_templates import TOLD_OF_TEMPLATES
from tests.consequences.told_of_users import TOLD_OF_USERS

TOLD: Final = (*TOLD_OF_ACCOUNTS, *TOLD_OF_NUMBERS, *TOLD_OF_TEMPLATES, *TOLD_OF_USERS)
