"""What a send would cost the store if nobody judged it."""
