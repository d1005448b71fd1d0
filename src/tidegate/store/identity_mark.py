"""The mark of the key that recipients are hashed with, beside the books that are kept under these hashes.

Under another key nobody is known: no place is held, so that the limit would be used twice, and nobody has opted out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

_FIELD: Final = "identity"
REMEDY: Final = "put the former key back, or begin anew on an empty store (docs/operations.md, Backups, upgrades, keys)"


async def marked(client: StoreClient, portfolios: Iterable[str], mark: str) -> str | None:
    """Have these books be of the key with this mark; what is wrong, None when they are. Raises StoreUnavailable.

    Books that have no mark get this one, unless others of them are of another key: who is refused leaves no mark. Of
    two nodes with different keys that begin them one is refused.
    """
    portfolios = tuple(portfolios)
    wrong = await marked_otherwise(client, portfolios, mark)
    if wrong is not None:
        return wrong
    for portfolio in portfolios:
        with store_faults:
            await client.hsetnx(PortfolioKeys(portfolio).ledger, _FIELD, mark)
    return await marked_otherwise(client, portfolios, mark)


async def marked_otherwise(client: StoreClient, portfolios: Iterable[str], mark: str) -> str | None:
    """What is wrong with the mark of these books; None when it is this one, or there is none. Changes nothing.

    Raises StoreUnavailable.
    """
    for portfolio in portfolios:
        with store_faults:
            found: Any = await client.hget(PortfolioKeys(portfolio).ledger, _FIELD)
        if found is not None and found.decode() != mark:
            return f"privacy.identity_key is not the one that the books of {portfolio} are kept under"
    return None
