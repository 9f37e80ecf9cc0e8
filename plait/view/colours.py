"""Colours that everybody can tell apart."""

# Ten steps of viridis, which colour-blind readers can order and which only grow lighter. They
# stand behind the text, so that it can be read on dark and on light terminals alike.
VIRIDIS = (
    *("#440154", "#482878", "#3e4989", "#31688e", "#26828e"),
    *("#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"),
)
