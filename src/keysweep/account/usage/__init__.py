"""What uses the keys of an account, as AWS says it."""
