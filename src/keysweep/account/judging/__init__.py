"""Which rules keys break, and what mends that."""
