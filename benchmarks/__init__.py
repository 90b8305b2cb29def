"""Speed, measured on real processes in one run; figures are for the machine they were taken on."""
