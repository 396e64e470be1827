"""AWS on this machine alone: two emulators, each where it is right, and a stub for what can go wrong."""
