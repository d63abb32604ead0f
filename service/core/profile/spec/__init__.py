"""What a reference fixes for every profile that is compared with it."""
