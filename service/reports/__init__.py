"""What Evidently measures and draws, in the one worker process that may import it."""
