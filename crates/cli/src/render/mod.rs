//! Text forms of results, sizes, times and progress.

pub(crate) mod failure;
pub(crate) mod progress;
pub(crate) mod proof;
pub(crate) mod text;
