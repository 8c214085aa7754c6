"""Speed, measured beside peers: ``python -m bench`` lists the areas, ``python -m bench AREA`` runs one.

Figures are for people to read; nothing here fails because something was slow. What is compared is first
checked to give the same answer. Everything is generated, in a temporary folder, and removed afterwards.
"""
