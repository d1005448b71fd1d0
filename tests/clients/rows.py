"""The table: what each client library is expected to do in each case, and what to know of it."""

from __future__ import annotations

from typing import Final

from tests.clients.asking import Language, Library
from tests.clients.cases import Case
from tests.clients.cells import WAITS, WORKS, Cell, Lacks, breaks, raises, returns

REFUSED: Final = 131047
TOO_FAST: Final = 130429
NO_KEY: Final = 190

#: What is the same for every library: a success at a full limit is a success to it as well.
_SENDS: Final[dict[Case, Cell]] = {Case.TEXT: WORKS, Case.TEMPLATE: WORKS, Case.QUEUED: WORKS, Case.OWN_TOKEN: WORKS}
_MEDIA: Final[dict[Case, Cell]] = {Case.UPLOAD: WORKS, Case.DOWNLOAD: WORKS}
_LISTS: Final[dict[Case, Cell]] = {Case.TEMPLATES: WORKS, Case.PAGES: WORKS}
_NO_TEMPLATES: Final = Lacks("it has no call for templates")
_LISTS_NOTHING: Final[dict[Case, Cell]] = {Case.TEMPLATES: _NO_TEMPLATES, Case.PAGES: _NO_TEMPLATES}

PYTHON_ROWS: Final[dict[Library, dict[Case, Cell]]] = {
    Library("pywa", "4.5.0", Language.PYTHON, "pywa"): {
        **_SENDS,
        Case.REFUSED: raises("ReEngagementMessage", REFUSED),
        Case.THROTTLED: raises("RateLimitHit", TOO_FAST),
        Case.WRONG_KEY: raises("ExpiredAccessToken", NO_KEY),
        **_MEDIA,
        Case.TEMPLATES: WORKS,
        Case.PAGES: breaks("TypeError", "its `next()` fails on its own list of templates; the link it holds is good"),
    },
    Library("heyoo", "0.1.2", Language.PYTHON, "heyoo"): {
        **_SENDS,
        Case.REFUSED: returns("dict", REFUSED),
        Case.THROTTLED: returns("dict", TOO_FAST),
        Case.WRONG_KEY: returns("dict", NO_KEY),
        **_MEDIA,
        **_LISTS_NOTHING,
    },
    Library("kapso-whatsapp-cloud-api", "0.3.0", Language.PYTHON, "kapso"): {
        **_SENDS,
        Case.REFUSED: raises("ValidationError", REFUSED),
        Case.THROTTLED: WAITS,
        Case.WRONG_KEY: raises("AuthenticationError", NO_KEY),
        **_MEDIA,
        **_LISTS,
    },
    Library("waba-sdk", "1.1.1", Language.PYTHON, "waba_sdk"): {
        **_SENDS,
        Case.REFUSED: raises("InvalidRequestError", REFUSED),
        Case.THROTTLED: WAITS,
        Case.WRONG_KEY: raises("AuthenticationError", NO_KEY),
        **_MEDIA,
        **_LISTS,
    },
    Library("whatsloon", "3.1.0", Language.PYTHON, "whatsloon"): {
        **_SENDS,
        Case.REFUSED: raises("ValidationAPIError", REFUSED),
        Case.THROTTLED: WAITS,
        Case.WRONG_KEY: raises("AuthenticationError", NO_KEY),
        **_MEDIA,
        Case.TEMPLATES: WORKS,
        Case.PAGES: Lacks("it reads the first page, as long as Graph makes it, and no other"),
    },
    Library("whatsapp-sdk", "0.2.0", Language.PYTHON, "whatsapp_sdk"): {
        **_SENDS,
        Case.REFUSED: raises("WhatsAppValidationError", REFUSED),
        Case.THROTTLED: WAITS,
        Case.WRONG_KEY: raises("WhatsAppAuthenticationError"),
        Case.UPLOAD: breaks("WhatsAppValidationError", "it calls its multipart body `application/json`", 100),
        Case.DOWNLOAD: WORKS,
        Case.TEMPLATES: breaks(
            "WhatsAppValidationError",
            "it takes no account's id, asks the number for it in a field that Meta's reference does not have, "
            "and then lists the templates of the number",
        ),
        Case.PAGES: Lacks("as it lists no templates"),
    },
}
NODE_ROWS: Final[dict[Library, dict[Case, Cell]]] = {
    Library("@kapso/whatsapp-cloud-api", "0.3.0", Language.NODE, "kapso"): {
        **_SENDS,
        Case.REFUSED: raises("GraphApiError", REFUSED),
        Case.THROTTLED: raises("GraphApiError", TOO_FAST),
        Case.WRONG_KEY: raises("GraphApiError", NO_KEY),
        **_MEDIA,
        **_LISTS,
    },
    Library("whatsapp-api-js", "6.3.0", Language.NODE, "whatsapp_api_js"): {
        **_SENDS,
        Case.REFUSED: returns("Object", REFUSED),
        Case.THROTTLED: returns("Object", TOO_FAST),
        Case.WRONG_KEY: returns("Object", NO_KEY),
        **_MEDIA,
        **_LISTS_NOTHING,
    },
    Library("whatsapp-business", "1.7.2", Language.NODE, "whatsapp_business"): {
        **_SENDS,
        Case.REFUSED: raises("Object", REFUSED),
        Case.THROTTLED: raises("Object", TOO_FAST),
        Case.WRONG_KEY: raises("Object", NO_KEY),
        **_MEDIA,
        **_LISTS_NOTHING,
    },
    Library("@great-detail/whatsapp", "9.2.0", Language.NODE, "great_detail"): {
        **_SENDS,
        Case.REFUSED: raises("HTTPError", REFUSED),
        Case.THROTTLED: raises("HTTPError", TOO_FAST),
        Case.WRONG_KEY: raises("HTTPError", NO_KEY),
        **_MEDIA,
        Case.TEMPLATES: WORKS,
        Case.PAGES: Lacks("its call takes a `limit`, and no cursor for what comes after"),
    },
    Library("@microfox/whatsapp-business", "1.5.2", Language.NODE, "microfox"): {
        **_SENDS,
        Case.REFUSED: raises("WhatsAppBusinessSDKError", REFUSED),
        Case.THROTTLED: raises("WhatsAppBusinessSDKError", TOO_FAST),
        Case.WRONG_KEY: raises("WhatsAppBusinessSDKError", NO_KEY),
        **_MEDIA,
        Case.TEMPLATES: WORKS,
        Case.PAGES: Lacks("its call takes an `offset`, which Graph does not know: every page is the first"),
    },
}
ROWS: Final = PYTHON_ROWS | NODE_ROWS
