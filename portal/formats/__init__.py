"""How dates are written where Django's own way is not read the same everywhere."""
