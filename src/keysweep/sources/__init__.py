"""Where content comes from; each source scans what it yields."""
