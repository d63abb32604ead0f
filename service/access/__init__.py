"""Who may come in: tokens, sessions of browsers, trusted proxies, and what each path asks for."""
