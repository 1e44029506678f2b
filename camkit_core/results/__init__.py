"""From a probe to an explanation: maps gathered, caveats noted, files written."""
