"""What leaked keys are worth, and how they are made harmless: the only layer that talks to AWS."""
