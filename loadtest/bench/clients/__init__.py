"""The client for sends beside others: what a POST costs, and what each of them tells of one that failed."""
