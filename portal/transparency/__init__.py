"""The monthly report: counting, hiding small numbers, drawing."""
