//! What the reader makes of small templates, and what it says about those that it cannot read.
