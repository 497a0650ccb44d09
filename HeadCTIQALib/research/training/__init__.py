"""How the networks were made, and how a site makes them anew or fine-tunes them."""
