"""Label Studio: its server, the one door to it, what goes out and what comes back."""
