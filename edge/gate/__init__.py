"""The guards at the gate: what waits at each lane, cash with a receipt, openings by hand; with the uplink cut too."""
