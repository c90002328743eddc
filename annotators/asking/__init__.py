"""What people are asked: which cases, as which items, who gets them next, what waits too long."""
