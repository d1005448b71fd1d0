"""What the HTTP face takes and gives, described: `/openapi.json`."""
