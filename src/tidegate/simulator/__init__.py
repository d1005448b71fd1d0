"""Meta's side of the WhatsApp Cloud API, imitated: the judge of the gateway.

It shares no rule with the gateway: what it knows of the platform it knows by itself, from Meta's pages.
`world` is pure, seeded and runs in virtual time; `server` puts a world on a port.

What it does not imitate: template review, phone number registration, flows, calls, groups, prices in money.
"""
