"""One file per sort of credential: from a place worth reading to the credentials that stand there."""
