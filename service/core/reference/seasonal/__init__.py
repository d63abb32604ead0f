"""The reference by season cell, and the mixture of its cells that a window is compared with."""
