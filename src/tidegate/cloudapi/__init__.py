"""Meta's words: the WhatsApp Cloud API's vocabulary, messages, errors and webhooks.

Pure: bytes and values in, values out. No I/O, no clock, no randomness, no logging.
"""
