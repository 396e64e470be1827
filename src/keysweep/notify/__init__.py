"""Receivers told of leaks: webhooks, chats, mail and Security Hub; each leak once in a state, never a secret."""
