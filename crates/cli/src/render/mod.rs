//! How results, sizes, times and progress are shown.

pub(crate) mod failure;
pub(crate) mod progress;
pub(crate) mod proof;
pub(crate) mod text;
