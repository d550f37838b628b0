//! Copies of objects, and of ranges as parts.

mod object;
mod part;
mod source;
