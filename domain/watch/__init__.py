"""Watch lists: plates that the police look for, by an order with an end, and what a camera's reading says of them."""
