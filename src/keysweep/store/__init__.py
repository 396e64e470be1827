"""What sweeps of an organisation keep: repositories, leaks, places, verdicts and what was done. Never a secret."""
