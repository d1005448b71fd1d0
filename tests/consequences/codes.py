"""What every error code of the Cloud API does to sends."""

from __future__ import annotations

from typing import Final

from tests.consequences.codes_of_accounts import CODES_OF_ACCOUNTS
from tests.consequences.codes_of_numbers import CODES_OF_NUMBERS
from tests.consequences.codes_of_templates import CODES_OF_TEMPLATES
from tests.consequences.codes_of_users import CODES_OF_USERS

STOPPING: Final = (*CODES_OF_ACCOUNTS, *CODES_OF_NUMBERS, *CODES_OF_TEMPLATES, *CODES_OF_USERS)

#: They rest the reads of Graph; one of them stops no send.
RESTING: Final = (4, 17, 32, 341, 613, 80007, 80008)
#: They concern the message alone; ranges stand here by their first and last code.
HARMLESS: Final = (
    *(1, 100, 131000, 131008, 131009, 131021, 131030, 131051, 131052, 131053, 131055, 131059, 131060, 131062),
    *(132000, 132005, 132007, 132012, 132018, 134100, 134102, 134103, 135000, 1752041),
    *(133000, 133016, 147001, 147005, 200005, 200007, 2388000, 2388999, 2593000, 2593999),
)
