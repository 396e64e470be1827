"""The access keys that an account has, judged by twenty practices: what should not be there, and why."""
