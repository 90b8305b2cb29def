"""Both payment providers on loopback: their protocols, their signatures, their bills, and what goes wrong with them."""
