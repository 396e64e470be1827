"""One file a version. None is ever changed once it was released."""
