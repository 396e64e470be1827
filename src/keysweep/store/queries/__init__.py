"""What pages ask of the store: each question answered in well under a tenth of a second, however much there is."""
