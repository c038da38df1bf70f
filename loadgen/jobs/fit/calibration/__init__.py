"""Match what no estimate gives: generate from the draft, compare with the recorded traffic, and correct."""
