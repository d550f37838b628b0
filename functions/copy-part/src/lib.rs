//! The copy-part function.
