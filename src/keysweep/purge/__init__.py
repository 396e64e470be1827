"""How a leak is taken out of history: with which words of `git filter-repo`, and in which order."""
