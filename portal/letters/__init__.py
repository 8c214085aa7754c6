"""Messages between the desk and the holder of a receipt, sealed on both sides."""
