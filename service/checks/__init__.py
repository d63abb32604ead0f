"""What is wrong, or perhaps not meant, with monitor files, their data and the database; changes nothing."""
