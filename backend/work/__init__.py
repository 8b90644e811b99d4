"""What the service does: adaptations made and kept, jobs, files to take away; the engine below it all."""
