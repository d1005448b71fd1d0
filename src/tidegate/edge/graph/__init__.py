"""Graph's own face: sends under guard, everything else handed on."""
