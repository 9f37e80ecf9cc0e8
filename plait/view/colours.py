"""Colours that everybody can tell apart."""

# Ten steps of viridis, which colour-blind readers can order and which only grow lighter. They
# stand behind the text, so that it can be read on dark and on light terminals alike.
VIRIDIS = (
    *("#440154", "#482878", "#3e4989", "#31688e", "#26828e"),
    *("#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"),
)

# Okabe and Ito's colours for lines, and marks that tell them apart in grey too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
MARKS = "osD^vPX*"
