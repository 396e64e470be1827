"""What has changed from one audit to the next."""
