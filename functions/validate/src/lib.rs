//! The validate function.
