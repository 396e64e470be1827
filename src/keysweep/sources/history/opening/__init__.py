"""What is taken for a repository: a directory, an address that is cloned, or a bundle that is unpacked."""
