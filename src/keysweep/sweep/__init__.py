"""Sweeping an organisation: every repository that it has, on as many machines as there are, every night."""
