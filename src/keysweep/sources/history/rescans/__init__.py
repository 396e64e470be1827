"""What an earlier scan did, so that the next one costs only what is new."""
