"""What is kept of an event to be looked at: pictures with their time burnt in, masked before anyone sees them."""
