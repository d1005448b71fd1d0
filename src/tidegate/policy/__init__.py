"""The judgement: what may be sent now, what waits, what is refused. Pure: no I/O, clock, dice or logs."""
