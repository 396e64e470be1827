"""Every object of an object database: listed, cut into pieces of work, decoded and scanned once."""
