"""Where in history a leak stands: the commits that brought and took it, its paths, and the refs that have it."""
