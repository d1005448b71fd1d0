"""A gateway in virtual time that leaps: loop, store and platform in one process, nothing of it over HTTP."""
