"""One file per page: what it asks the store, and what its template is given."""
