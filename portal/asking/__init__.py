"""What a person sends: the draft that travels through the form, what is wrong with it, and taking it in."""
