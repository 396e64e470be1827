"""The dashboard: pages over the store of sweeps, made on the server, for a browser that needs no script."""
