"""Models as judges: the door to an endpoint, what is asked of it, and how far its answers can be trusted."""
