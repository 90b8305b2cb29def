"""Watch lists at the centre: placed by an order, sealed, sent down as digests; hits for those alone they are for."""
