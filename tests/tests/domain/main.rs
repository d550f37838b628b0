//! The domain check, and what it is for: that nothing that is done twice changes anything.

mod breaches;
mod descriptions;
mod support;
mod twice;
