"""Pages: they read the form, call one function of the domain, and turn its errors into sentences."""
