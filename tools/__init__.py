"""Programs that make files of this repository; nothing of the service needs them."""
