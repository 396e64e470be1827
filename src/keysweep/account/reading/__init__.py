"""What AWS says of accounts and the keys in them."""
