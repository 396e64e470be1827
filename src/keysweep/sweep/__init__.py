"""All repositories of an organisation: which there are, and what is needed to read them."""
