"""The client against a server of scripted answers."""
