"""One file that holds a centre: taken beside a running server, put back on either engine."""
