"""tidegate: an outbound gateway that keeps WhatsApp Cloud API numbers in good standing."""

from typing import Final

__version__: Final = "0.1.0"
