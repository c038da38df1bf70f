"""Read recorded RUM data in all its forms into columns, in bounded memory."""
