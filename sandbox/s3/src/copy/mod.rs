//! Copies of objects, and of ranges into parts.

mod object;
mod part;
mod source;
