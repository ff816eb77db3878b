"""A trained policy outside its run directory: bundle, HTTP server, driver."""
