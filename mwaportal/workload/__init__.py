"""A shop with customers who never stop: what the demonstration, the rehearsal and the fault run write."""
